"""Addresses that get no more messages: added, removed and imported by hand, effective at once, recorded without addresses."""

import asyncio
import json
import stat
from contextlib import suppress as ignoring
from itertools import count
from pathlib import Path

import pytest

from adapters.base import Answer, Message
from engine.channels.email import EMAIL
from engine.channels.sms import SMS
from engine.clock import Instant
from engine.control.interventions import Hand
from engine.control.suppressing import add, form_of, import_list, remove
from engine.control.undo import undo
from engine.errors import InputError
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.intake.files.summary import ImportSummary
from engine.intake.write.suppressions import forget_lifted
from tests.deliveries import NOON, Deliveries
from tests.provider import ACCEPT, Provider

ANN = Hand("ann", "bounced at the former provider")


def listed(world: Deliveries) -> set[str]:
    return {address for (address,) in world.rows("SELECT address FROM suppression")}


def brought(world: Deliveries, text: str, name: str = "bounces.csv", **options: object) -> ImportSummary:
    file = world.folder / name
    file.write_text(text, encoding="utf-8")
    given = ImportOptions(**options)  # type: ignore[arg-type]
    return import_list(world.database, Source(file), EMAIL, given, hand=ANN, clock=world.clock)


# --- at once ---------------------------------------------------------------------------------------------------------


def test_what_is_added_gets_nothing_and_what_is_removed_does(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    assert add(world.database, "email", ["u1@example.com"], ANN, NOON).changed == 1
    world.drain(Provider())
    assert world.states() == {"suppressed:address_suppressed": 1, "accepted:accepted": 1}
    assert remove(world.database, "email", ["u1@example.com"], ANN, NOON).changed == 1
    world.due_actions(1, step_id="later")
    provider = Provider()
    world.drain(provider)
    assert provider.recipients == ["u1@example.com"]


def test_an_address_counts_for_messages_that_are_claimed_already(world: Deliveries) -> None:
    """The provider takes one message at a time; the others have passed the gates meanwhile."""
    world.users(3)
    world.due_actions(3)

    def script(message: Message) -> Answer:
        if message.recipient == "u1@example.com":
            add(world.database, "email", ["u2@example.com"], ANN, NOON)
        return ACCEPT

    provider = Provider(script=script, concurrency=1)
    world.drain(provider, in_flight=1)
    assert provider.recipients == ["u1@example.com", "u3@example.com"]
    assert world.rows("SELECT state, reason, tries FROM action WHERE id = 2") == [
        ("suppressed", "address_suppressed", 0)
    ]


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose time a test can advance."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def test_an_address_counts_for_messages_that_wait_for_a_slow_provider(world: Deliveries) -> None:
    """All are handed off; a second goes by before the provider takes the next."""
    world.users(3, phone="+12025550123")
    world.due_actions(3, next_channels="sms")
    loop = FastLoop()

    def script(message: Message) -> Answer:
        if message.recipient == "u1@example.com":
            assert world.states() == {"handed_off:gates_passed": 3}
            add(world.database, "email", ["u2@example.com"], ANN, NOON)
            loop.ahead += 1
        return ACCEPT

    provider, texts = Provider(script=script, concurrency=1), Provider(channel="sms", name="texts")
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(world.delivery(provider, texts, in_flight=10).drain())
    assert provider.recipients == ["u1@example.com", "u3@example.com"]
    assert world.rows("SELECT state, reason, tries FROM action WHERE id = 2") == [
        ("suppressed", "address_suppressed", 0)
    ]
    assert len(texts.sent) == 1, "the next channel is tried, as after any refusal"
    assert [entry.address for entry in world.log() if entry.number == 2] == [None]


# --- the list --------------------------------------------------------------------------------------------------------


def test_addresses_are_stored_as_the_gate_compares_them(world: Deliveries) -> None:
    forms = [form_of(EMAIL, one) for one in (" Robin@EXAMPLE.com ", "robin@münchen.de", "nobody", "")]
    assert forms == ["robin@example.com", "robin@xn--mnchen-3ya.de", None, None]
    assert form_of(SMS, "+1 (202) 555-0123") == "+12025550123"
    world.users(1, email="robin@Example.com")
    world.due_actions(1)
    add(world.database, "email", [forms[0] or ""], ANN, NOON)
    world.drain(Provider())
    assert world.states() == {"suppressed:address_suppressed": 1}


def test_what_is_there_already_stays_as_it_is(world: Deliveries) -> None:
    brought(world, "email,reason,date\na@example.com,hard_bounce,2026-01-02\n")
    done = add(world.database, "email", ["a@example.com", "b@example.com"], ANN, NOON)
    assert (done.changed, done.same) == (1, 1)
    again = add(world.database, "email", ["a@example.com", "b@example.com"], ANN, NOON)
    assert (again.changed, again.intervention) == (0, None)
    assert world.rows("SELECT address, reason, source FROM suppression ORDER BY address") == [
        ("a@example.com", "hard_bounce", "import:bounces.csv"),
        ("b@example.com", "by_hand", "by_hand"),
    ]
    assert add(world.database, "sms", ["a@example.com"], ANN, NOON).changed == 1, "another channel is another list"


def test_the_record_has_no_address(world: Deliveries) -> None:
    add(world.database, "email", ["a@example.com", "b@example.com"], ANN, NOON)
    remove(world.database, "email", ["a@example.com"], ANN, NOON)
    brought(world, "email\nc@example.com\n")
    assert world.rows("SELECT who, command, subject, why, changed FROM intervention ORDER BY id") == [
        ("ann", "suppress add", "channel email", ANN.why, 2),
        ("ann", "suppress remove", "channel email", ANN.why, 1),
        ("ann", "suppress import", "channel email", ANN.why, 1),
    ]


def test_adding_and_removing_are_undone(world: Deliveries) -> None:
    brought(world, "email,reason,date\na@example.com,hard_bounce,2026-01-02\nb@example.com,,\n")
    [before] = world.rows("SELECT reason, at, source FROM suppression WHERE address = 'a@example.com'")
    removed = remove(world.database, "email", ["a@example.com", "x@example.com"], ANN, NOON)
    added = add(world.database, "email", ["c@example.com"], ANN, NOON)
    assert listed(world) == {"b@example.com", "c@example.com"}
    assert undo(world.database, added.intervention or 0, ANN, NOON).count == 1
    assert undo(world.database, removed.intervention or 0, ANN, NOON).count == 1
    assert listed(world) == {"a@example.com", "b@example.com"}
    assert world.rows("SELECT reason, at, source FROM suppression WHERE address = 'a@example.com'") == [before]
    assert world.rows("SELECT count(*) FROM lifted_suppression") == [(0,)]
    assert undo(world.database, 1, ANN, NOON).count == 1, "what was removed and put back is not the import's any more"
    assert listed(world) == {"a@example.com"}


def test_what_was_removed_is_forgotten_after_a_while(world: Deliveries) -> None:
    add(world.database, "email", ["a@example.com"], ANN, NOON)
    removed = remove(world.database, "email", ["a@example.com"], ANN, NOON)
    with world.database.write() as connection:
        forget_lifted(connection, NOON)
        assert world.rows("SELECT count(*) FROM lifted_suppression") == [(1,)]
        forget_lifted(connection, Instant(NOON + 1))
    with pytest.raises(InputError, match="nothing is left to undo"):
        undo(world.database, removed.intervention or 0, ANN, NOON)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("email,reason,created", "a@example.com,hard_bounce,2026-01-02"),
        ("EmailAddress;Reason;LastUpdateTime", "A@Example.com;hard_bounce;2026-01-02T00:00:00Z"),
        ("date\trecipient\tbounce_type", "2026-01-02\ta@example.com\thard_bounce"),
        ("Address,Bounce Type,Date,Name", "a@example.com,hard_bounce,2026-01-02,Ann"),
    ],
)
def test_columns_are_recognised(world: Deliveries, header: str, row: str) -> None:
    summary = brought(world, f"{header}\n{row}\n")
    assert (summary.new, summary.rejected) == (1, 0)
    assert world.rows("SELECT address, reason, at FROM suppression") == [
        ("a@example.com", "hard_bounce", 1_767_312_000_000)
    ]


def test_json_lines_and_mapped_columns(world: Deliveries) -> None:
    brought(world, '{"who": "a@example.com"}\n{"who": "b@example.com"}\n', "b.jsonl", columns={"address": "who"})
    assert listed(world) == {"a@example.com", "b@example.com"}


def test_bad_lines_are_set_aside_and_the_others_go_in(world: Deliveries) -> None:
    text = "email,reason,date\na@example.com,550 no user a@example.com,never\nnobody,,\n,,\nb@example.com,,2999-01-01\n"
    summary = brought(world, text)
    assert (summary.read, summary.new, summary.rejected, summary.undated) == (4, 2, 2, 1)
    found = world.rows("SELECT address, reason, at FROM suppression ORDER BY address")
    assert found == [("a@example.com", "imported", NOON), ("b@example.com", "imported", NOON)]
    file = world.folder / "bounces.csv.rejected.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert lines == [
        "rejected_line,rejected_reason,rejected_remedy,email,reason,date",
        "3,not an address of this channel,write it like robin@example.com,nobody,,",
        "4,no address,fill it in,,,",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a@example.com\nb@example.com\n", "the first line is an address"),
        ("name,reason\nann,hard\n", "there is no column for the address: name one with --map address=COLUMN"),
        ("", "is empty"),
    ],
)
def test_a_file_that_cannot_be_meant_is_said(world: Deliveries, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        brought(world, text)
    assert world.rows("SELECT count(*) FROM intervention") == [(0,)]


def test_an_import_goes_on_where_it_was_cut_off(world: Deliveries) -> None:
    text = "email\n" + "".join(f"a{number}@example.com\n" for number in range(10))
    store, commits = world.scripted(), count()

    def die() -> None:
        if next(commits) == 1:
            raise KeyboardInterrupt

    store.committed = die
    with ignoring(KeyboardInterrupt):
        brought(world, text, chunk=3)
    assert len(listed(world)) == 6
    store.committed = lambda: None
    summary = brought(world, text, chunk=3)
    assert (summary.earlier, summary.new, summary.read) == (6, 4, 10)
    assert brought(world, text, chunk=3).finished_before
    assert world.rows("SELECT changed FROM intervention ORDER BY id") == [(6,), (4,)]


def test_a_look_at_a_file_stores_nothing(world: Deliveries) -> None:
    summary = brought(world, "email\na@example.com\n", dry_run=True)
    assert (summary.read, summary.dry_run) == (1, True)
    assert (listed(world), world.rows("SELECT count(*) FROM intervention")) == (set(), [(0,)])


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_commands_show_addresses_only_if_asked_to(world: Deliveries, tmp_path: Path) -> None:
    added = world.program("suppress", "add", "Robin@example.com", "kim@example.com", "--who", "ann", "--json")
    assert json.loads(added.stdout) == {
        "channel": "email", "changed": 2, "same": 0, "intervention": 1, "dry_run": False,
    }  # fmt: skip
    again = world.program("suppress", "add", "robin@example.com")
    assert (again.returncode, again.stdout) == (1, "0 addresses added, 1 on the list already\n")
    shown = world.program("suppress", "list")
    assert "r•••@example.com" in shown.stdout
    assert "robin" not in shown.stdout
    assert "2 addresses are on the list" in shown.stdout
    full = json.loads(world.program("suppress", "list", "--show-addresses", "--json").stdout)
    assert {one["address"] for one in full} == {"robin@example.com", "kim@example.com"}
    wrong = world.program("suppress", "remove", "kim@example.com", "secret name", "--channel", "email")
    assert wrong.returncode == 2
    assert "address 2 is not one of the channel email" in wrong.stderr
    assert "secret" not in wrong.stderr
    assert "`secret name`" in world.program("suppress", "remove", "secret name", "--show-addresses").stderr
    look = world.program("suppress", "remove", "kim@example.com", "--dry-run")
    assert look.stdout == "1 address would be removed, 0 not on the list\n"
    assert len(listed(world)) == 2
    assert "did you mean `email`" in world.program("suppress", "list", "--channel", "emial").stderr
    file = tmp_path / "bounces.csv"
    file.write_text("email\nann@example.com\nnobody\n", encoding="utf-8")
    done = world.program("suppress", "import", str(file), "--reason", "move")
    assert (done.returncode, "1 new" in done.stdout, "1 rejected" in done.stdout) == (1, True, True)
    undone = world.program("undo", "1", "--json")
    assert undone.returncode == 0
    assert listed(world) == {"ann@example.com"}
