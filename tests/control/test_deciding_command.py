"""``habitue release``, ``resolve``, ``resend``: what they take, what they say, how they end."""

import json

import pytest

from engine.clock import DAY, WallClock
from tests.deliveries import Deliveries


@pytest.fixture
def lost(world: Deliveries) -> Deliveries:
    """Three unknown actions, and a failed one."""
    world.users(4)
    world.due_actions(4)
    world.execute("UPDATE action SET expires_at = :soon", soon=WallClock().now() + DAY)
    world.execute("UPDATE action_event SET state = 'unknown', reason = 'no_answer'")
    world.mark_actions("unknown", "no_answer")
    world.mark_actions("unknown", "adapter_error", where="id = 3")
    world.mark_actions("failed", "content_refused", where="id = 4")
    return world


def test_one_is_resolved_by_its_number(lost: Deliveries) -> None:
    done = lost.program("resolve", "sent", "2", "2", "--who", "ann", "--reason", "it is in their log")
    assert (done.returncode, done.stdout) == (0, "resolve sent: 1 accepted (intervention 1)\n")
    assert lost.rows("SELECT who, why, command, subject, changed FROM intervention") == [
        ("ann", "it is in their log", "resolve sent", "action 2", 1)
    ]


def test_a_look_counts_by_reason_with_its_sentence(lost: Deliveries) -> None:
    done = lost.program("resolve", "not-sent", "--all", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "resolve not-sent: 3 failed, with these reasons so far; nothing was changed (--dry-run)",
        "         1 adapter_error: The adapter has a bug; the message may or may not have been sent.",
        "         2 no_answer: The worker crashed or lost the connection between the hand-off and the answer.",
    ]
    assert lost.rows("SELECT count(*) FROM intervention") == [(0,)]


def test_json_has_it_all(lost: Deliveries) -> None:
    lost.execute("UPDATE action SET expires_at = 0 WHERE id = 1")
    done = lost.program("resolve", "send-again", "--logged-reason", "no_answer", "--json")
    assert done.returncode == 1, "one was left as it is"
    assert json.loads(done.stdout) == {
        "command": "resolve send-again",
        "intervention": 1,
        "changed": {"queued": 1},
        "reasons": {"no_answer": 1},
        "refused": {"it has expired; --even-expired sends it all the same": 1},
        "dry_run": False,
    }
    assert lost.rows("SELECT subject FROM intervention") == [("reason no_answer",)]


def test_resend_and_undo(lost: Deliveries) -> None:
    assert lost.program("resend", "--template", "winback/offer", "--since", "3650d").returncode == 0
    assert lost.rows("SELECT state, reason FROM action WHERE id = 4") == [("queued", "resent")]
    undone = lost.program("undo", "1")
    assert undone.returncode == 0, undone.stderr
    assert lost.rows("SELECT state FROM action WHERE id = 4") == [("unknown",)], "its event before, in this store"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("resolve", "sent"), "name the actions, select them with options such as --playbook, or say --all"),
        (("resolve", "sent", "1", "--all"), "name actions or select them with options, not both"),
        (("resolve", "sent", "--all", "--playbook", "winback"), "--all and other options that select actions exclude"),
        (("resolve", "sent", "4"), "action 4 is failed; only unknown actions can be resolved. Nothing was changed"),
        (("resolve", "sent", "1", "77"), "no such action: 77"),
        (("resend", "1"), "action 1 is unknown; only failed actions can be sent again"),
        (("release", "1"), "action 1 is unknown; only held actions can be released"),
        (("release", "--since", "soon"), "`soon` is not a date or time"),
        (("release", "--channel", "emial"), "no such channel: `emial`; did you mean `email`?"),
        (("release", "--playbook", "winbakc"), "no such playbook: `winbakc`"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said(lost: Deliveries, words: tuple[str, ...], said: str) -> None:
    done = lost.program(*words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert lost.rows("SELECT count(*) FROM intervention") == [(0,)]


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63)])
def test_a_number_that_is_none_is_said(lost: Deliveries, number: str) -> None:
    assert lost.program("resolve", "sent", number).returncode == 2


def test_nothing_to_do_is_said(lost: Deliveries) -> None:
    done = lost.program("release", "--all")
    assert (done.returncode, done.stdout) == (1, "release: no action changed\n")
