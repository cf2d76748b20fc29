"""Owners are told of their tasks by mail or webhook: once if all goes well, and again with the same key if not."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Adapter, Answer, Message, Outcome
from engine.control.interventions import Hand
from engine.control.pauses import pause, resume
from engine.store.paused import Subject, SubjectScope
from engine.tasks.notices import LEASE, claim
from engine.tasks.notify import OwnersTold, Telling, tell_owners
from tests.adapters.fake_http import FakeHttp, Response, fake_http
from tests.adapters.webhook_endpoint import SECRET, signature
from tests.docs.test_commands import named, unknown
from tests.explain.checking import status
from tests.tasks.desk import PEOPLE, TASKS, Desk
from tests.world import day


class Post:
    """A provider of mail that answers as it is told, and keeps what it got."""

    channel = "email"
    payload = object
    concurrency = 5
    name = "post"

    def __init__(self, answer: Callable[[Message], Answer]) -> None:
        self.answer = answer
        self.sent: list[Message] = []

    async def __aenter__(self) -> "Post":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def send(self, message: Message) -> Answer:
        self.sent.append(message)
        return self.answer(message)


def through(desk: Desk, post: Post, at: float) -> OwnersTold:
    adapters: Mapping[str, Adapter] = {"email": post}
    settings = desk.app.settings
    return tell_owners(Telling(desk.app.database, settings.tasks, settings.brand, lambda: adapters), day(at))


def test_owners_get_a_mail_with_all_that_they_need(desk: Desk) -> None:
    assert desk.told(1.1) == OwnersTold(sent=2)
    assert desk.letters() == [("care@shop.example", "New task: Call Bo"), ("vip@shop.example", "New task: Call Ann")]
    mail = desk.letter("vip@shop.example")
    number = desk.task("ann").id
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    for said in (
        "Ask what went wrong.",
        "Customer: ann",
        "Due: 2026-01-04 00:00 (UTC)",
        f"`habitue task done {number}`",
    ):
        assert said in text.decode()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert not desk.told(1.2), "once"


def test_a_title_cannot_add_a_header(tmp_path: Path, database_url: str) -> None:
    desk = Desk.create(tmp_path / "maison", database_url)
    desk.user("cy", 1, first_name="Cy\r\nBcc: eve@example.com\r\n\r\nHello")
    desk.event("cy", "signed_up", 1.1)
    desk.tick(1.2, deliver=True)
    desk.told(1.3)
    (mail,) = (one for one in desk.mail() if "Cy" in str(one["Subject"]))
    assert mail["Bcc"] is None
    assert str(mail["Subject"]) == "New task: Call Cy Bcc: eve@example.com Hello"
    desk.close()


def test_a_failure_is_tried_again_with_the_same_message_id(desk: Desk) -> None:
    post = Post(lambda _: Answer(Outcome.ADAPTER_DOWN, "connection_failed"))
    assert through(desk, post, 1.1) == OwnersTold(failed=2)
    assert through(desk, post, 1.1) == OwnersTold(), "it waits"
    post.answer = lambda _: Answer(Outcome.UNKNOWN, "disconnected")
    assert through(desk, post, 1.2) == OwnersTold(failed=2)
    post.answer = lambda one: Answer(Outcome.ACCEPTED, reference=f"ref-{one.recipient}")
    assert through(desk, post, 1.3) == OwnersTold(sent=2)
    assert through(desk, post, 2.3) == OwnersTold()
    keys = {one.recipient: {other.key for other in post.sent if other.recipient == one.recipient} for one in post.sent}
    assert {len(found) for found in keys.values()} == {1}
    ids = {line for one in post.sent for line in one.payload.mime.splitlines() if line.startswith(b"Message-ID")}
    assert len(ids) == 2
    assert desk.rows("SELECT owner, tries, problem, sent_at, adapter, reference FROM task_notice ORDER BY owner") == [
        ("care", 3, None, day(1.3), "post", "ref-care@shop.example"),
        ("vip-team", 3, None, day(1.3), "post", "ref-vip@shop.example"),
    ]


def test_what_a_dead_worker_had_claimed_is_sent_after_its_lease(desk: Desk) -> None:
    with desk.app.database.write() as connection:
        assert len(claim(connection, day(1.1), 10)) == 2
        assert claim(connection, day(1.1), 10) == [], "no two workers send the same"
    assert not desk.told(1.1)
    assert desk.told(1.1 + LEASE / (day(1) - day(0))) == OwnersTold(sent=2)


def test_a_bug_in_an_adapter_holds_up_nobody_else(desk: Desk) -> None:
    def broken(message: Message) -> Answer:
        if message.recipient == "care@shop.example":
            raise ZeroDivisionError
        return Answer(Outcome.ACCEPTED)

    assert through(desk, Post(broken), 1.1) == OwnersTold(sent=1, failed=1)
    assert desk.rows("SELECT problem FROM task_notice WHERE owner = 'care'") == [("adapter_error",)]


def test_overdue_tasks_are_told_to_their_owner_and_beyond_once(desk: Desk) -> None:
    desk.told(1.1)
    desk.done("bo", "eve", 2)
    assert desk.told(3) == OwnersTold(overdue=1, sent=2)
    assert desk.letters()[-1] == ("vip@shop.example", "Overdue: Call Ann")
    assert ("head@shop.example", "Overdue: Call Ann") in desk.letters()
    assert not desk.told(4)
    assert desk.history("ann")[-1] == ("accepted", "task_overdue", None)
    (found,) = (one for one in status(desk, 3).attention if one.check == "tasks_overdue")
    assert [what for words in named(found.remedy) if (what := unknown(words))] == [], "its commands exist"
    assert (found.subject, found.message) == (
        "tasks of vip-team",
        "1 task overdue, the oldest since 2026-01-04T00:00:00Z",
    )
    desk.done("ann", "eve", 3.5)
    assert [one for one in status(desk, 4).attention if one.check == "tasks_overdue"] == []


def test_what_is_done_or_anothers_is_told_to_nobody(desk: Desk) -> None:
    desk.done("bo", "eve", 1.05)
    desk.reassign("ann", "care", "joe", 1.06)
    assert desk.told(1.1) == OwnersTold(sent=1)
    assert desk.letters() == [("care@shop.example", "Task for you: Call Ann")]


def test_an_owner_who_cannot_be_told_shows_in_status(desk: Desk) -> None:
    post = Post(lambda _: Answer(Outcome.REJECTED, "mailbox_unavailable"))
    for at in (1.1, 1.3, 1.6):
        through(desk, post, at)
    found = [one for one in status(desk, 1.7).attention if one.check == "owners_untold"]
    assert [one.message for one in found] == [
        "care cannot be told of 1 task: mailbox_unavailable",
        "vip-team cannot be told of 1 task: mailbox_unavailable",
    ]


def test_what_is_paused_does_not_leave(desk: Desk) -> None:
    channel = Subject(SubjectScope.CHANNEL, "email")
    with desk.app.database.write() as connection:
        pause(connection, channel, Hand("eve"), day(1.1))
    assert desk.told(1.1) == OwnersTold(failed=2)
    assert desk.letters() == []
    with desk.app.database.write() as connection:
        resume(connection, channel, Hand("eve"), day(1.2))
    assert desk.told(1.2) == OwnersTold(sent=2)


def test_an_owner_can_be_a_webhook(tmp_path: Path, database_url: str) -> None:
    desk = Desk.create(tmp_path / "maison", database_url, {**TASKS, "people": {**PEOPLE, "vip-team": "webhook"}})

    async def run() -> FakeHttp:
        async with fake_http(lambda _: Response(204)) as server:
            options = {"url": f"{server.url}/hooks", "secrets": SECRET}
            desk.configure(channels={"webhook": {"adapters": ["webhook"]}}, adapters={"webhook": options})
            assert await asyncio.to_thread(desk.told, 1.1) == OwnersTold(sent=2)
            return server

    (request,) = asyncio.run(run()).requests
    assert signature(SECRET, request) in request.headers["webhook-signature"]
    read: dict[str, Any] = json.loads(request.body)
    assert (read["type"], read["user"]) == ("task.new", "ann")
    assert read["data"] == {
        "task": desk.task("ann").id,
        "owner": "vip-team",
        "told": "vip-team",
        "title": "Call Ann",
        "body": "Ask what went wrong.",
        "due_at": "2026-01-04T00:00:00Z",
    }
    assert desk.letters() == [("care@shop.example", "New task: Call Bo")]
    desk.close()


def test_without_an_adapter_for_mail_that_is_said(tmp_path: Path, database_url: str) -> None:
    desk = Desk.create(tmp_path / "maison", database_url, TASKS, channels={"email": {"adapters": []}})
    assert desk.told(1.1) == OwnersTold(failed=2)
    assert {problem for (problem,) in desk.rows("SELECT problem FROM task_notice")} == {"no_adapter"}
    desk.close()


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ({"owners": {"value": "a", "default": "b"}}, "`value` is not a place"),
        ({"owners": {"value=high": "a"}}, "say whose all other tasks are"),
        ({"owners": {"default": " "}}, "has no owner"),
        ({"people": {"care": "care"}}, "tasks.people"),
        ({"escalate_to": "head"}, "`head` has no address in `tasks.people`"),
        ({"due": "0d"}, "every task would be overdue at once"),
    ],
)
def test_settings_that_make_no_sense_are_said(tmp_path: Path, tasks: dict[str, Any], said: str) -> None:
    desk = Desk(tmp_path / "maison", "sqlite://", {}, {"tasks": tasks})
    assert said in desk.program("status").stderr
