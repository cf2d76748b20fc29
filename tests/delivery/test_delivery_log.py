"""The action log as it is read: filters, history, following, forms, masks."""

import csv
import io
import json

import pytest

from adapters.base import Answer, Message, Outcome
from engine.actions.history import Follower, LogFilter, read_actions, read_changes
from engine.cli.log import following
from engine.errors import InputError
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider


@pytest.fixture
def lived(world: Deliveries) -> Deliveries:
    """Four users: accepted, rejected, refused, waiting."""
    world.users(4)
    world.due_actions(4)
    world.execute("UPDATE users SET email = NULL WHERE id = 3")
    world.execute("UPDATE users SET key = 'dora@example.org', timezone = 'Asia/Tokyo' WHERE id = 4")
    world.execute("UPDATE action SET send_window = '09:00-20:00', playbook = 'birthday' WHERE id = 4")

    def script(message: Message) -> Answer:
        if message.recipient == "u2@example.com":
            return Answer(Outcome.REJECTED, "mailbox_unknown", "=550 no such user")
        return Answer(Outcome.ACCEPTED)

    world.drain(Provider(script=script))
    return world


def numbers(world: Deliveries, wanted: LogFilter, limit: int = 50) -> list[int]:
    with world.database.read() as connection:
        return [entry.number for entry in read_actions(connection, wanted, limit)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LogFilter(), [1, 2, 3, 4]),
        (LogFilter(user=2), [2]),
        (LogFilter(user=99), []),
        (LogFilter(playbook="birthday"), [4]),
        (LogFilter(channel="sms"), []),
        (LogFilter(state="suppressed"), [3]),
        (LogFilter(reason="mailbox_unknown"), [2]),
        (LogFilter(state="accepted", channel="email", user=1), [1]),
        (LogFilter(since=NOON), [1, 2, 3, 4]),
        (LogFilter(since=NOON + 1), []),
        (LogFilter(until=NOON), []),
    ],
)
def test_filters(lived: Deliveries, wanted: LogFilter, expected: list[int]) -> None:
    assert numbers(lived, wanted) == expected


def test_the_newest_are_kept_and_stand_last(lived: Deliveries) -> None:
    assert numbers(lived, LogFilter(), limit=2) == [3, 4]
    with lived.database.read() as connection:
        changes = read_changes(connection, LogFilter(user=1), 2)
        everything = read_changes(connection, LogFilter(), 100)
    assert [entry.state for entry in changes] == ["handed_off", "accepted"]
    assert len(everything) == 4 + 4 + 2 * 2 + 2
    assert [entry.detail for entry in everything if entry.state == "failed"] == ["=550 no such user"]


def test_following_shows_each_change_once_even_when_it_appears_late(lived: Deliveries) -> None:
    follower = Follower(LogFilter(), NOON)
    with lived.database.read() as connection:
        follower.skip(read_changes(connection, LogFilter(), 50))
        assert follower.read(connection) == []
    insert = "INSERT INTO action_event (action_id, at, state, reason, detail) VALUES (1, :at, :state, '', '')"
    lived.execute(insert, at=NOON + 5, state="delivered")
    lived.execute(insert, at=NOON - 5, state="opened")
    with lived.database.read() as connection:
        assert [entry.state for entry in follower.read(connection)] == ["opened", "delivered"]
        assert follower.read(connection) == []


def test_following_waits_only_when_nothing_is_new(lived: Deliveries) -> None:
    with lived.database.read() as connection:
        entries = read_changes(connection, LogFilter(), 1)
    batches = iter([entries, [], [], entries])
    waits: list[None] = []
    stream = following(lambda: next(batches), lambda: waits.append(None))
    assert next(stream) == entries
    assert next(stream) == entries
    assert len(waits) == 2


def test_as_json_lines_addresses_are_masked(lived: Deliveries) -> None:
    result = lived.command("log", "--json")
    assert result.exit_code == 0
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["state"] for entry in entries] == ["accepted", "failed", "suppressed", "deferred"]
    assert entries[0]["address"] == "u•••@example.com"
    assert entries[0]["at"] == "2026-09-22T12:00:00Z"
    assert entries[0]["class"] == "marketing"
    assert entries[3]["user"] == "d•••@example.org"
    shown = lived.command("log", "--json", "--show-addresses", "--user", "dora@example.org")
    assert json.loads(shown.stdout)["user"] == "dora@example.org"


def test_as_csv_no_cell_is_a_formula(lived: Deliveries) -> None:
    result = lived.command("log", "--csv", "--history", "--user", "u2")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["state"] for row in rows] == ["queued", "claimed", "handed_off", "failed"]
    assert rows[3]["detail"] == "'=550 no such user"


def test_as_a_table(lived: Deliveries) -> None:
    result = lived.command("log", "--state", "deferred")
    assert "birthday" in result.stdout
    assert "winback" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--state", "acepted"), "no such state `acepted`; did you mean `accepted`?"),
        (("--json", "--csv"), "use either --json or --csv"),
        (("--since", "yesterday"), "`yesterday` is not a date or time"),
    ],
)
def test_what_makes_no_sense_is_said(lived: Deliveries, arguments: tuple[str, ...], message: str) -> None:
    result = lived.command("log", *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
