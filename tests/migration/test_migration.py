"""A store made by an earlier version is migrated, and continues just as that version continued with it."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from engine.app import App
from engine.clock import FixedClock, Instant, instant
from engine.settings import load_settings
from tests.conftest import POSTGRESQL_IN_BULK
from tests.migration.life import AFTER, HOUSE_FROM, SNAPSHOT_AT, USERS, at_home, live_on, tick_at
from tests.migration.observing import differences, observe, observe_mail
from tests.migration.snapshot import HERE, ROWS, load, load_house
from tests.migration.table import Row, Table, Value, read_tables

EXPECTED = HERE / "expected.jsonl.xz"
CHANGES = (
    ("user_state", "user_id", "place_value = 'nowhere'"),
    ("transition", "id", "at = at + 1"),
    ("enrolment", "id", "due_at = due_at + 1"),
    ("action", "id", "state = 'expired'"),
    ("action_event", "id", None),
    ("coupon_code", "id", "expires_at = 0"),
    ("tick", "id", "actions = actions + 1"),
)
"""Table, column whose greatest value picks one row, and what becomes of the row; None deletes it."""


@pytest.fixture(scope="module")
def stored() -> dict[str, Table]:
    """The rows of the old store, table by table."""
    return read_tables(ROWS)


@pytest.fixture(scope="module")
def expected() -> dict[str, Table]:
    """What the old program made of the store in the 30 days after."""
    return read_tables(EXPECTED)


@pytest.fixture
def old_store(empty_database_url: str) -> str:
    """The URL of a store as the commit before left it; once on SQLite and once on PostgreSQL."""
    load(empty_database_url)
    return empty_database_url


@pytest.fixture
def house_store(empty_database_url: str) -> str:
    """The URL of a store of revision 0002, which has been migrated once and has lived ten of the 30 days."""
    load_house(empty_database_url)
    return empty_database_url


@contextmanager
def worker(home: Path, url: str) -> Iterator[Callable[[datetime], None]]:
    """What one worker does at its ticks: it compiles the files once, and goes on through all the days.

    The old program never gave codes back to their pool. Here none goes back either, or other customers would get them.
    """
    clock = FixedClock(Instant(SNAPSHOT_AT))
    with at_home(home, url):
        app = App(load_settings(Path("config.toml")), clock)
        content = app.content()

    def tick(at: datetime) -> None:
        clock.move_to(instant(at))
        with app.database.write() as connection:
            connection.execute(text("DELETE FROM returning_code"))
        app.tick(content, clock.now())
        app.deliver(content)

    try:
        yield tick
    finally:
        app.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("empty_database_url", POSTGRESQL_IN_BULK, indirect=True)
def test_a_migrated_store_goes_on_as_if_nothing_had_happened(
    old_store: str, stored: dict[str, Table], expected: dict[str, Table], tmp_path: Path
) -> None:
    home = tmp_path / "brand"
    shutil.copytree(HERE / "brand", home)
    with worker(home, old_store) as tick:
        live_on(home, old_store, tick)
    found = {**observe(old_store, SNAPSHOT_AT), "mails": observe_mail(home / "var" / "mail")}
    asked = asked_by_the_sweep(expected, found, tick_at(AFTER[0]))
    assert {one[1:] for one in asked} == {("monday_news", "slot:2026-10-19T10:00")}
    assert len(asked) == 6
    first, due_at = instant(tick_at(AFTER[0])), due_before(stored)
    assert all(due_at[str(user)] > first for user, *_ in asked), "nothing else would have evaluated them"
    wrong = differences(*but_for(asked, expected, found))
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("empty_database_url", POSTGRESQL_IN_BULK, indirect=True)
def test_a_store_of_the_house_goes_on_as_if_nothing_had_happened(
    house_store: str, expected: dict[str, Table], tmp_path: Path
) -> None:
    """News that no tick had seen, users in quarantine, graces and birthdays are carried into the narrow tables."""
    home = tmp_path / "brand"
    shutil.copytree(HERE / "brand", home)
    with worker(home, house_store) as tick:
        live_on(home, house_store, tick, days=range(HOUSE_FROM, AFTER[-1] + 1))
    found = {**observe(house_store, SNAPSHOT_AT), "mails": observe_mail(home / "var" / "mail")}
    since = instant(tick_at(HOUSE_FROM))
    mails = expected["mails"]
    later = Table(mails.columns, [row for row in mails.rows if int(str(row[0])) >= since])
    # The audience of this gift came to fit the customer a day after the move that it is for.
    asked = asked_by_the_sweep(expected, found, tick_at(HOUSE_FROM))
    assert asked == {("c01019", "vip_gift", "transition:value:mid>high:1793116800000")}
    wrong = differences(*but_for(asked, {**expected, "mails": later}, found))
    assert not wrong, "\n".join(wrong)


Holder = tuple[Value, ...]
"""A user's key, a playbook, and an occurrence."""


def asked_by_the_sweep(expected: dict[str, Table], found: dict[str, Table], first: datetime) -> set[Holder]:
    """Return the enrolments that the first tick made beside those expected.

    A migrated store is swept once, and playbooks are asked about everybody who is evaluated. Whom an audience has come to
    fit meanwhile, for something that has not expired yet, enters then; the old program asked only when they were next due.
    """
    known = {row[:3] for row in expected["enrolments"].rows}
    made = [
        one for one in _dicts(found["enrolments"]) if (one["user"], one["playbook"], one["occurrence"]) not in known
    ]
    assert {one["entered_at"] for one in made} == {instant(first)}
    return {(one["user"], one["playbook"], one["occurrence"]) for one in made}


def due_before(stored: dict[str, Table]) -> dict[str, int]:
    """Return user -> when they were due, as the old store has it."""
    keys = {user["id"]: user["key"] for user in _dicts(stored["users"])}
    return {keys[state["user_id"]]: state["due_at"] for state in _dicts(stored["user_state"])}


def but_for(
    holders: set[Holder], expected: dict[str, Table], found: dict[str, Table]
) -> tuple[dict[str, Table], dict[str, Table]]:
    """Return both without all that became of these enrolments: actions, mails, codes, and what ticks say of them."""
    wanted = {name: list(table.rows) for name, table in expected.items()}
    left = {name: [row for row in table.rows if row[:3] not in holders] for name, table in found.items()}
    actions = [action for action in _dicts(found["actions"]) if _holder(action) in holders]
    for action in actions:
        if action["state"] == "accepted":
            to = (action["changed_at"], f"c{int(action['user'][1:])}@example.com")
            left["mails"].remove(next(mail for mail in left["mails"] if mail[:2] == to))
    given = [row for row in left["coupon_codes"] if row[-3:] in holders]
    free = {row for row in left["coupon_codes"] if row[-1] is None}
    taken = [row for row in wanted["coupon_codes"] if row[-1] is None and row not in free]
    assert len(taken) == len(given)
    left["coupon_codes"] = [row for row in left["coupon_codes"] if row not in given]
    wanted["coupon_codes"] = [row for row in wanted["coupon_codes"] if row not in taken]
    entered = Counter(one["entered_at"] for one in _dicts(found["enrolments"]) if _holder(one) in holders)
    made = Counter(action["created_at"] for action in actions if action["attempt"] == 1)
    left["ticks"] = [
        (at, transitions, int(str(enrolments)) - entered[at], int(str(drafted)) - made[at], error)
        for at, transitions, enrolments, drafted, error in left["ticks"]
    ]
    return _tables(expected, wanted), _tables(found, left)


def _holder(row: dict[str, Any]) -> Holder:
    return (row["user"], row["playbook"], row["occurrence"])


def _tables(like: dict[str, Table], rows: dict[str, list[Row]]) -> dict[str, Table]:
    return {name: Table(table.columns, rows[name]) for name, table in like.items()}


def test_single_rows_that_are_not_the_same_show(old_store: str) -> None:
    before = observe(old_store, SNAPSHOT_AT)
    engine = create_engine(old_store, poolclass=NullPool)
    with engine.begin() as connection:
        for table, row, change in CHANGES:
            where = f"WHERE {row} = (SELECT max({row}) FROM {table})"
            sql = f"UPDATE {table} SET {change} {where}" if change else f"DELETE FROM {table} {where}"
            assert connection.execute(text(sql)).rowcount == 1
    said = differences(before, observe(old_store, SNAPSHOT_AT))
    assert sorted(sentence.partition(",")[0] for sentence in said) == [
        "action_events: 1 missing",
        "actions: 1 missing",
        "actions: 1 unexpected",
        "coupon_codes: 1 missing",
        "coupon_codes: 1 unexpected",
        "enrolments: 1 missing",
        "enrolments: 1 unexpected",
        "placements: 1 missing",
        "placements: 1 unexpected",
        "ticks: 1 missing",
        "ticks: 1 unexpected",
        "transitions: 1 missing",
        "transitions: 1 unexpected",
    ]


def test_the_old_store_holds_what_a_migration_has_to_carry(stored: dict[str, Table]) -> None:
    assert stored["alembic_version"].rows == [("0001",)]
    assert len(stored["users"].rows) == USERS
    actions = _dicts(stored["action"])
    states = Counter(action["state"] for action in actions)
    waiting = {"queued", "held", "unknown", "deferred", "retrying", "claimed", "handed_off"}
    assert min(states[state] for state in waiting | {"accepted", "failed", "suppressed", "cancelled", "expired"}) >= 5
    assert all(
        action["lease_until"] < SNAPSHOT_AT for action in actions if action["state"] in {"claimed", "handed_off"}
    )
    assert any(action["due_at"] > SNAPSHOT_AT for action in actions if action["state"] == "deferred")
    assert any(action["due_at"] > SNAPSHOT_AT for action in actions if action["state"] == "retrying")


def test_the_old_store_is_in_the_midst_of_its_life(stored: dict[str, Table]) -> None:
    running = [enrolment for enrolment in _dicts(stored["enrolment"]) if enrolment["state"] == "active"]
    assert len(running) > 1_000
    assert any(enrolment["waiting_since"] is not None for enrolment in running)
    versions = Counter(playbook for playbook, _ in {(one["playbook"], one["version"]) for one in running})
    assert {playbook for playbook, number in versions.items() if number == 2} == {"order_thanks", "winback"}
    codes = Counter((code["coupon"], code["enrolment_id"] is None) for code in _dicts(stored["coupon_code"]))
    assert codes["THANKS", True] > 0
    assert codes["THANKS", False] > 0
    assert codes["GIFT", True] == 0, "what is held waits for a code"
    assert sum(event["at"] > SNAPSHOT_AT for event in _dicts(stored["event"])) > USERS // 2
    never_placed = [state for state in _dicts(stored["user_state"]) if state["place_value"] is None]
    assert len(never_placed) > 100
    assert "retired_fact_shoe_size_1" in stored["user_state"].columns


def test_much_is_expected_of_the_thirty_days(expected: dict[str, Table], stored: dict[str, Table]) -> None:
    actions = [action for action in _dicts(expected["actions"]) if action["created_at"] > SNAPSHOT_AT]
    assert len(actions) > USERS
    playbooks = {version["name"] for version in _dicts(stored["version"]) if version["kind"] == "playbook"}
    assert {action["playbook"] for action in actions} == playbooks
    changed = [event for event in _dicts(expected["action_events"]) if event["at"] > SNAPSHOT_AT]
    reasons = {event["reason"] for event in changed}
    assert {"lease_ran_out", "no_answer", "coupon_pool_filled", "expired_without_coupon", "quiet_hours"} <= reasons
    mails = [event for event in changed if (event["state"], event["reason"]) == ("accepted", "accepted")]
    assert len(expected["mails"].rows) == len(mails)


def _dicts(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
