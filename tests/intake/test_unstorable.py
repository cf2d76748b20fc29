"""What a database cannot hold is rejected row by row, with a reason that repeats no value; the rest goes in."""

import json
import sqlite3

import pytest

from engine.clock import iso, to_datetime
from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.errors import InputError
from engine.intake.files.importing import import_users
from engine.intake.files.options import ImportOptions
from engine.intake.files.records import MAX_NESTING, Batch
from engine.intake.files.source import Source
from engine.intake.rows.event_rows import EventRows
from engine.intake.rows.model import Json
from engine.store.dialects.sqlite import SQLITE
from tests.intake.intake_store import DECLARED, Intake


def deep(levels: int) -> Json:
    value: Json = "x"
    for _ in range(levels):
        value = [value]
    return value


BAD: list[tuple[str, Json, str]] = [
    ("note", "a\x00b", "a NUL character"),
    ("no\x00te", "b", "a NUL character"),
    ("tags", ["a", {"b": "\x00"}], "a NUL character"),
    ("tags", deep(MAX_NESTING), f"nested more than {MAX_NESTING} levels deep"),
    ("tags", deep(900), f"nested more than {MAX_NESTING} levels deep"),
]


@pytest.mark.parametrize(("name", "value", "reason"), BAD)
def test_events_and_users_with_such_a_value_are_rejected(intake: Intake, name: str, value: Json, reason: str) -> None:
    when = "2026-01-01T00:00:00Z"
    events = [{"userId": key, "event": "e", "timestamp": when, "properties": {name: value}} for key in ("ann", "ben")]
    events[1]["properties"] = {"note": "fine \\u0000"}
    summary = intake.events("\n".join(map(json.dumps, events)), name="e.jsonl")
    assert (summary.new, summary.rejected) == (1, 1)
    assert summary.reasons[0][0].startswith(reason)
    users = [{"userId": "ann", "traits": {name: value}}, {"userId": "cy", "traits": {"note": "fine"}}]
    summary = intake.users("\n".join(map(json.dumps, users)), name="u.jsonl")
    assert (summary.new, summary.rejected) == (1, 1)
    assert summary.reasons[0][0].startswith(reason)
    assert [key for (key,) in intake.query("SELECT key FROM users ORDER BY key")] == ["ben", "cy"]


def test_what_is_nested_up_to_the_limit_goes_in(intake: Intake) -> None:
    users = [{"userId": "ann", "traits": {"tags": deep(MAX_NESTING - 2)}}]
    assert intake.users("\n".join(map(json.dumps, users)), name="u.jsonl").new == 1
    changed = [{"userId": "ann", "traits": {"tags": deep(3)}}]
    assert intake.users("\n".join(map(json.dumps, changed)), name="v.jsonl").changed == 1


@pytest.mark.parametrize("number", ["1" * 400, "1e400", "-" + "9" * 400])
def test_a_number_beyond_a_double_is_rejected(intake: Intake, number: str) -> None:
    for line in (f'{{"userId": "ann", "traits": {{"size": {number}}}}}', f'{{"userId": "ann", "size": [{number}]}}'):
        summary = intake.users(f"{line}\n", name="u.jsonl", again=True)
        assert (summary.new, summary.rejected) == (0, 1)
        assert summary.reasons[0][0].startswith("not JSON: number is infinity")


def test_a_declared_number_beyond_a_double_is_rejected(intake: Intake) -> None:

    file = intake.file(f"key,size\nann,{'1' * 400}\nben,2.5\ncy,1{'0' * 308}\n")
    declared = Declared(attributes={"size": ValueType.NUMBER})
    summary = import_users(intake.database, Source(file), declared, ImportOptions(), intake.clock)
    assert (summary.new, summary.reasons) == (2, (("size: too large a number", 1),))
    assert intake.query("SELECT count(*) FROM users WHERE attributes IS NOT NULL") == [(2,)]


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01T12:00:00Z"])
def test_an_instant_that_is_no_date_in_every_zone_is_rejected(intake: Intake, at: str, bulk: bool) -> None:
    other = "2026-01-01T00:00:00Z" if bulk else "2026/01/01 x"
    summary = intake.events(f"user,event,at\nann,e,{at}\nben,e,{other}\ncy,e,0001-01-02T00:00:00Z\n")
    assert ("at: not a date in the calendar", 1) in summary.reasons
    assert summary.new == (2 if bulk else 1)
    [first] = [at for (at,) in intake.query("SELECT min(at) FROM event")]
    assert iso(first) == "0001-01-02T00:00:00Z"
    assert to_datetime(first).year == 1


def test_rows_with_keys_of_their_own_need_no_scratch_database(
    sqlite_intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("a database was opened")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    rows = EventRows(DECLARED, ImportOptions(), ["key", "user", "event", "at"])
    columns = {"key": ["1"], "user": ["ann"], "event": ["e"], "at": ["2026-01-01"]}
    taken, rejected = rows.rows(Batch(columns, [2], [["1", "ann", "e", "2026-01-01"]]))
    rows.close()
    assert ([row[0] for row in taken], rejected) == (["1"], [])


def test_what_the_database_alone_refuses_is_told_without_the_value(intake: Intake) -> None:
    """A constant for all rows is the one text that no row brings; SQLite takes it, PostgreSQL does not."""
    if intake.database.dialect is SQLITE:
        assert intake.users("key\nann\n", constants={"note": "secret\x00"}).new == 1
        return
    for run in (intake.users, intake.events):
        with pytest.raises(InputError) as refused:
            run("key,user,event,at\n1,ann,e,2026-01-01\n", constants={"note": "secret\x00"})
        assert "the database refuses a value (SQLSTATE 22P05) in the last 1 of the first 1 rows" in str(refused.value)
        assert refused.value.__suppress_context__
        assert "secret" not in str(refused.value)
    assert intake.query("SELECT count(*) FROM users") == [(0,)]
