"""An import that is cut off at any point and run again ends in the store of one that never was."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from engine.clock import Instant
from engine.intake.rows.model import EventTuple, UserRow, Written
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.store.dialects import Dialect
from tests.intake.intake_store import Intake

Write = Callable[[Connection, Dialect, Sequence[Any], Instant], Written]


class Crash(Exception):
    """Stands for whatever can end a process."""


def crashing(write: Write, after: int, when: str) -> Write:
    """Return ``write``, which fails at its call number ``after``: before it writes, or before it is committed."""
    calls = 0

    def write_or_crash(connection: Connection, dialect: Dialect, rows: Sequence[Any], now: Instant) -> Written:
        nonlocal calls
        calls += 1
        if calls > after and when == "before":
            raise Crash
        written = write(connection, dialect, rows, now)
        if calls > after:
            raise Crash
        return written

    return write_or_crash


rows = st.lists(
    st.tuples(
        st.sampled_from(["ann", "ben", "çem", ""]),
        st.sampled_from(["visited", "order_completed"]),
        st.sampled_from(["2026-01-01", "2026-01-02", "2025-12-31T23:00:00Z", "never"]),
        st.sampled_from(["1.00", "2.50", "", "x"]),
        st.sampled_from(["", "", "k1", "k2"]),
    ),
    min_size=1,
    max_size=12,
)
crashes = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["before", "after"])), max_size=3)


def run_with_crashes(intake: Intake, text: str, chunk: int, ends: list[tuple[int, str]]) -> None:
    for after, when in ends:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("engine.intake.files.importing.write_events", crashing(write_events, after, when))
            try:
                intake.events(text, chunk=chunk)
            except Crash:
                continue
    intake.events(text, chunk=chunk)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, chunk=st.integers(1, 5), ends=crashes)
def test_events(intake: Intake, rows: list[tuple[str, ...]], chunk: int, ends: list[tuple[int, str]]) -> None:
    text = "user,event,at,amount,key\n" + "".join(f"{','.join(row)}\n" for row in rows)
    empty(intake)
    intake.events(text)
    whole = outcome(intake)
    empty(intake)
    run_with_crashes(intake, text, chunk, ends)
    assert outcome(intake) == whole
    assert intake.events(text, again=True, chunk=chunk).new == 0
    assert outcome(intake) == whole


def outcome(intake: Intake) -> tuple[list[tuple[Any, ...]], str]:
    """Return what is stored, and the file of rejected rows."""
    path = intake.folder / "events.csv.rejected.csv"
    return intake.stored(), path.read_text(encoding="utf-8-sig") if path.exists() else ""


def empty(intake: Intake) -> None:
    for table in ("event", "users", "user_state", "import_file"):
        intake.write(f"DELETE FROM {table}")


def test_a_run_goes_on_where_the_one_before_it_was_cut_off(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "user,event,at\n" + "".join(f"u{number},visited,2026-01-01\n" for number in range(10))
    with monkeypatch.context() as patch:
        patch.setattr("engine.intake.files.importing.write_events", crashing(write_events, 2, "after"))
        with pytest.raises(Crash):
            intake.events(text, chunk=3)
    assert intake.query("SELECT count(*) FROM event") == [(6,)]
    written: list[int] = []

    def counting(connection: Connection, dialect: Dialect, rows: Sequence[EventTuple], now: Instant) -> Written:
        written.append(len(rows))
        return write_events(connection, dialect, rows, now)

    monkeypatch.setattr("engine.intake.files.importing.write_events", counting)
    summary = intake.events(text, chunk=3)
    assert (summary.read, summary.earlier, summary.new, summary.same) == (10, 6, 4, 0)
    assert written == [3, 1]


def test_users_go_on_as_well(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "key,email\n" + "".join(f"u{number},u{number}@example.com\n" for number in range(5))
    with monkeypatch.context() as patch:
        patch.setattr("engine.intake.files.importing.write_users", crashing(write_users, 1, "before"))
        with pytest.raises(Crash):
            intake.users(text, chunk=2)
    summary = intake.users(text, chunk=2)
    assert (summary.earlier, summary.new) == (2, 3)
    assert [UserRow(key).key for (key,) in intake.query("SELECT key FROM users ORDER BY key")] == [
        f"u{n}" for n in range(5)
    ]
