"""An import that is cut off at any point and run again ends in the store of one that never was."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.intake.intake_store import Intake
from tests.stores import ScriptedStore


class Crash(Exception):
    """Stands for whatever can end a process."""


@contextmanager
def crashing(intake: Intake, after: int, when: str) -> Iterator[Intake]:
    """The same store, to which whoever writes dies after so many commits: ``before`` or ``after`` the next one."""
    store, commits = ScriptedStore(intake.database.url), itertools.count()

    def die(*_: Connection) -> None:
        if next(commits) == after:
            raise Crash

    if when == "before":
        store.committing = die
    else:
        store.committed = die
    try:
        with suppress(Crash):
            yield Intake(store, intake.folder)
    finally:
        store.close()


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
        with crashing(intake, after, when) as dying:
            dying.events(text, chunk=chunk)
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
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    return intake.stored(), text if text.count("\n") > 1 else ""  # a header alone: no row was rejected


def empty(intake: Intake) -> None:
    for table in ("event", "users", "user_news", "import_file"):
        intake.write(f"DELETE FROM {table}")


@pytest.mark.parametrize(("when", "kept"), [("before", 6), ("after", 9)])
def test_a_run_goes_on_where_the_one_before_it_was_cut_off(intake: Intake, when: str, kept: int) -> None:
    text = "user,event,at\n" + "".join(f"u{number},visited,2026-01-01\n" for number in range(10))
    with crashing(intake, 2, when) as dying:
        dying.events(text, chunk=3)
    assert intake.query("SELECT count(*) FROM event") == [(kept,)]
    summary = intake.events(text, chunk=3)
    assert (summary.read, summary.earlier, summary.new, summary.same) == (10, kept, 10 - kept, 0)


def test_users_go_on_as_well(intake: Intake) -> None:
    text = "key,email\n" + "".join(f"u{number},u{number}@example.com\n" for number in range(5))
    with crashing(intake, 1, "before") as dying:
        dying.users(text, chunk=2)
    summary = intake.users(text, chunk=2)
    assert (summary.earlier, summary.new) == (2, 3)
    assert [key for (key,) in intake.query("SELECT key FROM users ORDER BY key")] == [f"u{n}" for n in range(5)]
