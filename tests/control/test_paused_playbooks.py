"""A paused playbook records who enters and who leaves, and takes no step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.paused import Subject, SubjectScope
from tests.control.hands import EVERYTHING, pauses, playbook, resumes
from tests.maison import WELCOME
from tests.world import World

WAITING = """
[playbook]
name = "survey"
class = "service"
reentry = "once"
expires = "7d"

[trigger]
event = "signed_up"

[exit]
event = "order_completed"

[[step]]
wait = "1d"

[[step]]
id = "ask"
send = ["email"]
template = "welcome/hello"
"""
STOPS_STEPS = [playbook("welcome"), EVERYTHING]


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(
        tmp_path / "maison", database_url, {"playbooks/welcome.toml": WELCOME, "playbooks/survey.toml": WAITING}
    )
    yield made.open()
    made.close()


@pytest.mark.parametrize("subject", STOPS_STEPS, ids=str)
def test_who_enters_meanwhile_is_not_lost(shop: World, subject: Subject) -> None:
    pauses(shop, subject)
    shop.user("ann", 1)
    shop.event("ann", "signed_up", 1)
    shop.live(since=1, until=3)
    assert shop.enrolments("playbook, state, step, due_at > 0")[1:] == [("welcome", "active", 0, True)]
    assert shop.rows("SELECT * FROM action WHERE playbook = 'welcome'") == []
    resumes(shop, subject)
    shop.live(since=4, until=7)
    sent = shop.rows("SELECT step, state FROM action WHERE playbook = 'welcome' ORDER BY id")
    assert sent == [("hello", "accepted"), ("gift", "accepted")]


@pytest.mark.parametrize("subject", STOPS_STEPS, ids=str)
def test_a_trigger_expires_while_its_playbook_is_paused(shop: World, subject: Subject) -> None:
    pauses(shop, subject)
    shop.user("ann", 1)
    shop.event("ann", "signed_up", 1)
    shop.tick(1)
    shop.tick(10)
    resumes(shop, subject)
    shop.tick(11)
    ended = shop.rows("SELECT state, reason FROM enrolment WHERE playbook = 'welcome'")
    assert ended == [("expired", "trigger_expired")]


def test_other_playbooks_go_on(shop: World) -> None:
    pauses(shop, playbook("welcome"))
    shop.user("ann", 1, consents={"email/marketing": True})
    shop.event("ann", "signed_up", 1)
    shop.live(since=1, until=3)
    assert shop.rows("SELECT playbook, step, state FROM action") == [("survey", "ask", "accepted")]


@pytest.mark.parametrize("subject", [playbook("survey"), EVERYTHING], ids=str)
def test_who_leaves_meanwhile_gets_nothing_later(shop: World, subject: Subject) -> None:
    shop.user("ann", 1)
    shop.event("ann", "signed_up", 1)
    shop.tick(1)
    pauses(shop, subject)
    shop.order("ann", 2)
    shop.tick(3)
    resumes(shop, subject)
    shop.live(since=4, until=6)
    assert shop.rows("SELECT state, reason FROM enrolment WHERE playbook = 'survey'") == [("exited", "exit_event")]
    assert shop.rows("SELECT * FROM action WHERE playbook = 'survey'") == []


@pytest.mark.parametrize("scope", [SubjectScope.CHANNEL, SubjectScope.CLASS, SubjectScope.ADAPTER])
def test_steps_go_on_where_only_the_sending_is_paused(shop: World, scope: SubjectScope) -> None:
    names = {SubjectScope.CHANNEL: "email", SubjectScope.CLASS: "marketing", SubjectScope.ADAPTER: "capture"}
    pauses(shop, Subject(scope, names[scope]))
    shop.user("ann", 1)
    shop.event("ann", "signed_up", 1)
    shop.live(since=1, until=4)
    waiting = shop.rows("SELECT step, state, reason FROM action WHERE playbook = 'welcome' ORDER BY id")
    assert waiting == [("hello", "queued", "due"), ("gift", "queued", "due")]
