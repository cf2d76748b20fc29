"""The action log as it is read: filters, history, following, forms, masks."""

import csv
import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from adapters.base import Answer, Message, Outcome
from engine.actions.history import Follower, LogFilter, read_actions, read_changes
from engine.cli.context import Options
from engine.cli.log import following, register
from engine.errors import InputError
from tests.delivery.world import NOON, Provider, World


@pytest.fixture
def lived(world: World) -> World:
    """Four users: accepted, rejected, refused, waiting."""
    world.users(4)
    world.actions(4)
    world.execute("UPDATE users SET email = NULL WHERE id = 3")
    world.execute("UPDATE users SET key = 'dora@example.org', timezone = 'Asia/Tokyo' WHERE id = 4")
    world.execute("UPDATE action SET send_window = '09:00-20:00', playbook = 'birthday' WHERE id = 4")

    def script(message: Message) -> Answer:
        if message.recipient == "u2@example.com":
            return Answer(Outcome.REJECTED, "mailbox_unknown", "=550 no such user")
        return Answer(Outcome.ACCEPTED)

    world.drain(Provider(script=script))
    return world


def numbers(world: World, wanted: LogFilter, limit: int = 50) -> list[int]:
    with world.database.read() as connection:
        return [entry.number for entry in read_actions(connection, wanted, limit)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LogFilter(), [1, 2, 3, 4]),
        (LogFilter(user="u2"), [2]),
        (LogFilter(user="nobody"), []),
        (LogFilter(playbook="birthday"), [4]),
        (LogFilter(channel="sms"), []),
        (LogFilter(state="suppressed"), [3]),
        (LogFilter(reason="mailbox_unknown"), [2]),
        (LogFilter(state="accepted", channel="email", user="u1"), [1]),
        (LogFilter(since=NOON), [1, 2, 3, 4]),
        (LogFilter(since=NOON + 1), []),
        (LogFilter(until=NOON), []),
    ],
)
def test_filters(lived: World, wanted: LogFilter, expected: list[int]) -> None:
    assert numbers(lived, wanted) == expected


def test_the_newest_are_kept_and_stand_last(lived: World) -> None:
    assert numbers(lived, LogFilter(), limit=2) == [3, 4]
    with lived.database.read() as connection:
        changes = read_changes(connection, LogFilter(user="u1"), 2)
        everything = read_changes(connection, LogFilter(), 100)
    assert [entry.state for entry in changes] == ["handed_off", "accepted"]
    assert len(everything) == 4 + 2 * 2 + 2
    assert [entry.detail for entry in everything if entry.state == "failed"] == ["=550 no such user"]


def test_following_shows_each_change_once_even_when_it_appears_late(lived: World) -> None:
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


def test_following_waits_only_when_nothing_is_new(lived: World) -> None:
    with lived.database.read() as connection:
        entries = read_changes(connection, LogFilter(), 1)
    batches = iter([entries, [], [], entries])
    waits: list[None] = []
    stream = following(lambda: next(batches), lambda: waits.append(None))
    assert next(stream) == entries
    assert next(stream) == entries
    assert len(waits) == 2


def habitue(world: World, tmp_path: Path, *arguments: str) -> Result:
    config = tmp_path / "config.toml"
    config.write_text(f"[store]\nurl = {json.dumps(world.database.url)}\n", encoding="utf-8")
    program = typer.Typer()
    register(program)

    @program.callback()
    def _options(context: typer.Context) -> None:
        context.obj = Options(config)

    return CliRunner().invoke(program, ["log", *arguments])


def test_as_json_lines_addresses_are_masked(lived: World, tmp_path: Path) -> None:
    result = habitue(lived, tmp_path, "--json")
    assert result.exit_code == 0
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["state"] for entry in entries] == ["accepted", "failed", "suppressed", "deferred"]
    assert entries[0]["address"] == "u•••@example.com"
    assert entries[0]["at"] == "2026-09-22T12:00:00Z"
    assert entries[0]["class"] == "marketing"
    assert entries[3]["user"] == "d•••@example.org"
    shown = habitue(lived, tmp_path, "--json", "--show-addresses", "--user", "dora@example.org")
    assert json.loads(shown.stdout)["user"] == "dora@example.org"


def test_as_csv_no_cell_is_a_formula(lived: World, tmp_path: Path) -> None:
    result = habitue(lived, tmp_path, "--csv", "--history", "--user", "u2")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["state"] for row in rows] == ["claimed", "handed_off", "failed"]
    assert rows[2]["detail"] == "'=550 no such user"


def test_as_a_table(lived: World, tmp_path: Path) -> None:
    result = habitue(lived, tmp_path, "--state", "deferred")
    assert "birthday" in result.stdout
    assert "winback" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--state", "acepted"), "unknown state `acepted`; did you mean `accepted`?"),
        (("--json", "--csv"), "use either --json or --csv"),
        (("--since", "yesterday"), "`yesterday` is not an instant"),
    ],
)
def test_what_makes_no_sense_is_said(lived: World, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = habitue(lived, tmp_path, *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
