"""The inbox: a step keeps a message for the brand's app, which shows it, and tells what became of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.clock import Instant
from engine.inbox.messages import InboxMessage, dismiss, mark_read, messages_of
from engine.worker.upkeep import clean_up
from tests.world import World, day

PLAYBOOK = """
[playbook]
name = "welcome"
class = "service"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
send = ["inbox"]
template = "welcome/note"
"""
TEMPLATE = (
    "{% block title %}Hello {{ facts.first_name }}{% endblock %}{% block body %}Good to see you{% endblock %}"
    "{% block link %}shop://offers/{{ user.key }}?of={{ facts.first_name }}{% endblock %}"
    '{% block data %}{"name": "{{ facts.first_name }}"}{% endblock %}{% block expires %}14d{% endblock %}'
)
FILES = {
    "playbooks/welcome.toml": PLAYBOOK,
    "templates/welcome/note.inbox.j2": TEMPLATE,
    "templates/welcome/hello.email.j2": None,
    "templates/welcome/gift.email.j2": None,
}


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Two users with a message each, kept on the first day; nothing is configured."""
    made = World(tmp_path / "maison", database_url, FILES)
    assert [one for one in made.findings() if "welcome" in str(one)] == []
    made.open()
    for key in ("ann", "bo"):
        made.user(key, 0, first_name=f'{key}"')
        made.event(key, "signed_up", 0.5)
    made.tick(0.6, deliver=True)
    yield made
    made.close()


def shown(world: World, user: str, at: float = 0.6, *, everything: bool = False) -> list[InboxMessage]:
    with world.app.database.read() as connection:
        return messages_of(connection, user, day(at), everything=everything)


def marked(
    world: World, mark: Callable[[Connection, int, Instant], InboxMessage], user: str, at: float
) -> InboxMessage:
    (newest,) = shown(world, user, everything=True)
    with world.app.database.write() as connection:
        return mark(connection, newest.id, day(at))


def command(world: World, *words: str) -> Any:
    """The clock of commands is the machine's, at which the messages of these tests have expired."""
    result = world.command("inbox", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def history(world: World, user: str) -> list[tuple[str, str]]:
    lines = world.command("log", "--history", "--json", "--user", user).output.splitlines()
    return [(one["state"], one["reason"]) for one in map(json.loads, lines)]


def test_a_message_waits_for_the_app_and_the_log_knows_it(world: World) -> None:
    (found,) = shown(world, "ann")
    (number,) = world.rows("SELECT a.id FROM action AS a JOIN users AS u ON u.id = a.user_id WHERE u.key = 'ann'")[0]
    assert found == InboxMessage(
        id=found.id,
        user="ann",
        title='Hello ann"',
        body="Good to see you",
        link="shop://offers/ann?of=ann%22",
        image=None,
        data={"name": 'ann"'},
        created_at=day(0.6),
        expires_at=day(14.6),
        read_at=None,
        dismissed_at=None,
        action=number,
    )
    assert shown(world, "ann", 14.6) == []
    assert history(world, "ann")[-1] == ("accepted", "accepted")


def test_the_view_is_what_the_app_reads(world: World) -> None:
    columns = "user_key, title, body, link, expires_at, read_at"
    query = f"SELECT {columns} FROM inbox WHERE user_key = :key AND expires_at > :now ORDER BY created_at DESC"
    found = ("bo", 'Hello bo"', "Good to see you", "shop://offers/bo?of=bo%22", day(14.6), None)
    assert world.rows(query, key="bo", now=day(1)) == [found]
    assert world.rows(query, key="bo", now=day(15)) == []
    marked(world, dismiss, "bo", 1)
    assert world.rows(query, key="bo", now=day(1)) == []


def test_what_was_read_is_opened_in_the_log_once(world: World) -> None:
    for at in (1, 2):
        assert marked(world, mark_read, "ann", at).read_at == day(1)
    assert history(world, "ann")[-2:] == [("accepted", "accepted"), ("opened", "inbox_read")]
    assert world.actions("state, reason, changed_at")[0] == ("opened", "inbox_read", day(1))


def test_what_was_dismissed_is_gone_from_the_app_and_noted_in_the_log(world: World) -> None:
    for at in (1, 2):
        assert marked(world, dismiss, "ann", at).dismissed_at == day(1)
    assert shown(world, "ann") == []
    assert len(shown(world, "ann", everything=True)) == 1
    assert history(world, "ann")[-2:] == [("accepted", "accepted"), ("accepted", "inbox_dismissed")]
    assert world.actions("state, reason")[0] == ("accepted", "accepted")
    assert "removed it from the app" in " ".join(world.command("explain", "ann").output.split())


def test_commands_list_and_mark(world: World) -> None:
    assert command(world, "list", "ann") == []
    (found,) = command(world, "list", "ann", "--all")
    assert (found["title"], found["data"], found["read_at"]) == ('Hello ann"', {"name": 'ann"'}, None)
    number = str(found["id"])
    assert command(world, "read", number)["read_at"] is not None
    assert command(world, "dismiss", number)["dismissed_at"] is not None
    table = world.command("inbox", "list", "ann", "--all").output
    assert "Hello" in table
    assert "dismissed" in table
    assert "No messages for bo." in world.command("inbox", "list", "bo").output


def test_retention_deletes_what_has_expired_and_what_is_old(world: World) -> None:
    def left(at: float) -> int:
        with world.app.database.write() as connection:
            clean_up(connection, world.app, world.content(), day(at))
        return len(world.rows("SELECT 1 FROM inbox_message"))

    assert left(14) == 2
    world.execute("UPDATE inbox_message SET expires_at = :late WHERE title LIKE 'Hello ann%'", late=day(1_000))
    assert left(15) == 1
    assert left(400) == 1
    assert left(401) == 0


def test_a_template_that_says_nothing_has_the_default(world: World) -> None:
    world.write("templates/welcome/note.inbox.j2", TEMPLATE.replace("14d", ""))
    world.configure(adapters={"inbox": {"expires": "3d"}})
    world.user("cy", 0.6, first_name="Cy")
    world.event("cy", "signed_up", 0.7)
    world.tick(0.8, deliver=True)
    assert shown(world, "cy")[0].expires_at == day(3.8)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "eve"), "there is no user `eve`"),
        (("read", "999"), "there is no message 999; `habitue inbox list USER` shows their numbers"),
        (("dismiss", "999"), "there is no message 999"),
    ],
)
def test_what_is_not_there_is_said(world: World, words: tuple[str, ...], said: str) -> None:
    ended = world.program("inbox", *words)
    assert ended.returncode == 2
    assert said in " ".join(ended.stderr.split())


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            "{% block link %}javascript://%0aalert(1){% endblock %}",
            "the link has to begin with https:// or with the scheme of your app",
        ),
        ("{% block image %}http://example.com/a.png{% endblock %}", "the image has to begin with https://"),
        ("{% block link %}https://{% endblock %}", "the link has no host"),
        ("{% block expires %}soon{% endblock %}", "the block `expires` is not how long the message is shown"),
        ("{% block data %}[1]{% endblock %}", "the data is not a JSON object"),
    ],
)
def test_check_finds_what_cannot_be_kept(world: World, block: str, said: str) -> None:
    text = "{% block title %}Hi{% endblock %}{% block body %}Good to see you{% endblock %}" + block
    world.write("templates/welcome/note.inbox.j2", text)
    (found,) = [str(one) for one in world.app.rehearse(world.content())]
    assert said in found


def test_a_test_message_is_kept_without_an_action(world: World) -> None:
    sent = world.command("send-test", "welcome/note", "--channel", "inbox", "--to", "ann")
    assert sent.exit_code == 0, sent.output
    newest, _ = shown(world, "ann")
    assert newest.title == "[test] Hello Robin"
    assert newest.action is None
    ended = world.program("send-test", "welcome/note", "--channel", "inbox", "--to", "eve")
    assert "recipient_unknown" in ended.stderr


def test_what_is_sent_again_after_a_doubt_is_the_same_message(world: World) -> None:
    marked(world, mark_read, "ann", 1)
    world.mark_actions("unknown", "no_answer")
    assert world.command("resolve", "send-again", "--all", "--even-expired").exit_code == 0
    world.execute("UPDATE action SET due_at = :now", now=day(1.1))
    world.tick(1.2, deliver=True)
    assert [state for (state,) in world.actions("state")] == ["accepted", "accepted"]
    (found,) = shown(world, "ann", 1.3)
    assert found.read_at == day(1)
