"""Composing in other processes: whatever a message does there, the others are composed, and nothing is left over."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.channels import CHANNELS
from engine.channels.base import Shown, blocks_of
from engine.composing.draft import Composed, Draft, Recipe, Unrendered
from engine.composing.jobs import Job, Limits, Work
from engine.composing.process import ComposingStopped
from engine.composing.processes import Made, Processes
from engine.messages.email.headers import Mailbox
from engine.messages.templates import TemplateLibrary
from tests.composing.channels import CRASH, KILL, LOOK, STOP, OddChannel
from tests.composing.hostile import ENDLESS, HUNGRY, IMPOSSIBLE, REFUSED, email
from tests.processes import wait_until

LIMITS = Limits(seconds=0.4, octets=256 << 20)
GOOD = "fine"
TEMPLATES = {
    "fine.email.j2": email("<p>Hello {{ user.key }}</p>"),
    "hungry.email.j2": email(HUNGRY),
    "say.sms.j2": "{% block body %}{{ user.key }}{% endblock %}",
    **{f"{name}.email.j2": email(html) for name, html in ENDLESS.items()},
}


def recipe(templates: dict[str, str] = TEMPLATES) -> Recipe:
    channels = (*(one for one in CHANNELS if one.name != "sms"), OddChannel())
    return Recipe(TemplateLibrary(templates, blocks_of(channels)), channels, Mailbox("a@example.com"), None, "USD")


def draft(template: str = GOOD, key: str = "ann", channel: str = "email") -> Draft:
    values = {"user": {"key": key}}
    return Draft(template, channel, "en", "UTC", values, f"1.{key}.1", 0, "ann@example.com", "https://example.com/u")


def say(said: str) -> Draft:
    return draft("say", said, "sms")


def all_of(processes: Processes, drafts: Sequence[Draft], brand: Recipe) -> list[Made]:
    made: list[Made] = []
    while len(made) < len(drafts):
        news = processes.submit(brand, Job(Work.COMPOSE, tuple(drafts[len(made) :]))).result()
        assert news
        made += news
    return made


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    made = Processes(1, LIMITS)
    yield made
    made.close()


@pytest.mark.parametrize("template", ENDLESS)
def test_a_message_that_takes_too_long_is_the_only_one_that_fails(processes: Processes, template: str) -> None:
    drafts = [draft(key=f"u{number}") for number in range(40)]
    drafts[25] = draft(template, "u25")
    made = all_of(processes, drafts, recipe())
    guilty = made.pop(25)
    assert isinstance(guilty, Unrendered)
    assert guilty.reason == "render_limit"
    assert guilty.detail == f"{template}.email.j2:2: takes more than 0.4 s of computing time"
    assert [one.subject for one in made if isinstance(one, Composed)] == [
        f"Hello u{one}" for one in range(40) if one != 25
    ]


def test_a_message_that_takes_too_much_memory_is_the_only_one_that_fails() -> None:
    processes = Processes(1, Limits(seconds=20, octets=150 << 20))
    made = all_of(processes, [draft(), draft("hungry"), draft(), draft()], recipe())
    guilty = made.pop(1)
    assert isinstance(guilty, Unrendered)
    assert guilty.reason == "render_limit"
    assert guilty.detail == "hungry.email.j2:2: needs more than 150 MB of memory"
    assert all(isinstance(one, Composed) for one in made)
    processes.close()


def test_templates_that_are_found_without_rendering_fail_at_once(processes: Processes) -> None:
    hostile = {**REFUSED, **IMPOSSIBLE}
    brand = recipe({**TEMPLATES, **{f"{name}.email.j2": email(html) for name, html in hostile.items()}})
    made = all_of(processes, [draft(), *map(draft, hostile), draft()], brand)
    assert isinstance(made.pop(0), Composed)
    assert isinstance(made.pop(), Composed)
    for name, one in zip(hostile, made, strict=True):
        assert isinstance(one, Unrendered), name
        assert one.reason != "render_limit"
        assert one.detail.startswith(f"{name}.email.j2:")


@pytest.mark.parametrize(("said", "why"), [(CRASH, "(SIGSEGV)"), (KILL, "(SIGKILL)")])
def test_a_message_that_ends_its_process_is_the_only_one_that_fails(processes: Processes, said: str, why: str) -> None:
    made = all_of(processes, [say("one"), say(said), say("two"), say(said)], recipe())
    texts = [one.payload.text if isinstance(one, Composed) else None for one in made]
    assert texts == ["one", None, "two", None]
    for guilty in (made[1], made[3]):
        assert isinstance(guilty, Unrendered)
        assert guilty.reason == "render_limit"
        assert guilty.detail.startswith("say.sms.j2: ")
        assert guilty.detail.endswith(why)


def test_after_a_message_that_exceeds_the_limits_the_caller_decides_about_the_rest(processes: Processes) -> None:
    endless = next(iter(ENDLESS))
    made = processes.submit(recipe(), Job(Work.COMPOSE, (draft(), draft(endless), draft(endless), draft()))).result()
    assert [type(one) for one in made] == [Composed, Unrendered]


def test_a_kept_template_is_composed_with_the_files_of_its_own_version(processes: Processes) -> None:
    page = "{% block subject %}Hello{% endblock %}<p>{% include 'layouts/part.email.j2' %}</p>"
    endless = next(iter(ENDLESS))
    today = recipe({"fine.email.j2": TEMPLATES["fine.email.j2"], "layouts/part.email.j2": "today"})
    older = recipe({**TEMPLATES, "page.email.j2": page, "layouts/part.email.j2": "then"}).library
    kept = {(name, "email"): older.only([(name, "email")]) for name in ("page", endless)}
    brand = replace(today, kept=kept)
    first, second, third = all_of(processes, [draft("page"), draft(endless), draft()], brand)
    assert isinstance(first, Composed)
    assert "then" in str(first.payload)
    assert isinstance(second, Unrendered)
    assert second.detail == f"{endless}.email.j2:2: takes more than 0.4 s of computing time"
    assert isinstance(third, Composed)
    assert third.subject == "Hello ann"


def test_other_files_are_used_from_the_next_job_on(processes: Processes) -> None:
    newer = recipe({"fine.email.j2": email("<p>Good day</p>").replace("Hello", "Good day")})
    for brand, greeting in ((recipe(), "Hello ann"), (newer, "Good day ann"), (recipe(), "Hello ann")):
        [one] = all_of(processes, [draft()], brand)
        assert isinstance(one, Composed)
        assert one.subject == greeting


def test_a_process_that_was_killed_while_it_had_nothing_to_do_is_replaced(processes: Processes) -> None:
    for _ in range(2):
        [one] = all_of(processes, [say(LOOK)], recipe())
        assert isinstance(one, Composed)
        os.kill(json.loads(one.payload.text)["pid"], signal.SIGKILL)


def test_a_preview_has_the_same_limits(processes: Processes) -> None:
    endless = next(iter(ENDLESS))
    [shown] = processes.submit(recipe(), Job(Work.PREVIEW, (draft(),))).result()
    assert isinstance(shown, Shown)
    assert shown.text == "Hello ann\n"
    [failed] = processes.submit(recipe(), Job(Work.PREVIEW, (draft(endless),))).result()
    assert isinstance(failed, Unrendered)


def test_a_process_knows_no_secrets_and_ctrl_c_does_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(1, LIMITS)
    monkeypatch.setenv("HABITUE_STORE__URL", "postgresql://habitue:very-secret@db.example.com/habitue")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    [one] = all_of(processes, [say(LOOK)], recipe())
    assert isinstance(one, Composed)
    seen = json.loads(one.payload.text)
    assert "very-secret" not in one.payload.text
    assert not any(name.startswith("HABITUE") for name in seen["environment"])
    assert seen["session"] == seen["pid"] != os.getsid(0)
    processes.close()


def test_a_process_with_too_little_memory_to_begin_stops_composing_and_blames_no_message() -> None:
    processes = Processes(1, Limits(seconds=1, octets=1 << 20))
    with pytest.raises(ComposingStopped, match="ended before the first one"):
        processes.submit(recipe(), Job(Work.COMPOSE, (draft(),))).result()
    processes.close()


def test_a_process_that_cannot_be_started_stops_composing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    processes = Processes(1, LIMITS)
    with pytest.raises(ComposingStopped, match="cannot start: No such file or directory"):
        processes.submit(recipe(), Job(Work.COMPOSE, (draft(),))).result()
    processes.close()


def test_a_process_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(1, Limits(seconds=0.1, octets=LIMITS.octets), patience=2)
    with pytest.raises(ComposingStopped, match="does not answer"):
        processes.submit(recipe(), Job(Work.COMPOSE, (say(STOP),))).result()
    assert len(all_of(processes, [say("one")], recipe())) == 1
    processes.close()


def test_closing_ends_a_process_that_is_at_work() -> None:
    processes = Processes(1, Limits(seconds=1_000, octets=LIMITS.octets))
    all_of(processes, [draft()], recipe())
    endless = processes.submit(recipe(), Job(Work.COMPOSE, (draft(next(iter(ENDLESS))),)))
    processes.close()
    with pytest.raises(ComposingStopped):
        endless.result(timeout=60)


ORPHAN = """
import os, signal
from tests.composing.test_processes import Job, Limits, Processes, Work, recipe, say
one = Processes(1, Limits(5, 300 << 20)).submit(recipe(), Job(Work.COMPOSE, (say("look"),))).result()[0]
print(one.payload.text, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_ends_when_its_parent_is_killed() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", ORPHAN], cwd=root, capture_output=True, check=False)
    pid = json.loads(done.stdout)["pid"]
    wait_until(lambda: not _is_running(pid), lambda: "the end of the process")


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
