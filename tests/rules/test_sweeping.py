"""A sweep leaves everybody as if they had been evaluated by the new rules; nothing else of them is written."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from engine.clock import DAY, HOUR, Instant
from engine.store.sweep import SweepDepth
from tests.rules.reference import FILES, LIFECYCLE, NEEDS, VALUE, Standing
from tests.rules.rules_store import Facts, RulesStore

START = Instant(1_700_000_000_000)
USERS = 60
STATE = (
    "SELECT s.user_id, s.place_value, s.since_value, s.wait_value, s.place_lifecycle, s.since_lifecycle, s.place_needs,"
    " s.since_needs__premium, s.wait_needs__premium, s.edge_at FROM user_state AS s ORDER BY s.user_id"
)
MOVES = "SELECT user_id, dimension, at, from_place, to_place, rule FROM transition"
VERSIONS = {
    "value": [
        ("spend >= 500", ["spend >= 300", "spend >= 400", "spend >= 700"]),
        ("spend >= 100", ["spend >= 0", "spend >= 350"]),
        ('lock = "10d"', ['lock = "2d"', 'lock = "40d"']),
        ('grace = "30d"', ['grace = "1d"', 'grace = "90d"']),
    ],
    "lifecycle": [
        ("> 60", ["> 20", "> 61"]),
        ('lock = "7d"', ['lock = "1d"', 'lock = "30d"']),
        ("orders >= 2", ["orders >= 3"]),
    ],
    "needs": [
        ("orders between 1 and 2", ["orders between 2 and 5"]),
        ("spend > 300", ["spend > 250", "spend > 450"]),
        ("spend > 200", ["spend > 100"]),
        ('grace = "14d"', ['grace = "1d"', 'grace = "50d"']),
    ],
}
"""Dimension -> what its file says, and what another version may say instead."""
DEPTHS = [(SweepDepth.PLACES, False), (SweepDepth.PLACES, True), (SweepDepth.SCORES, False), (SweepDepth.FACTS, True)]


def another_version(rng: random.Random) -> dict[str, str]:
    files = {"rules/value.toml": VALUE, "rules/lifecycle.toml": LIFECYCLE, "rules/needs.toml": NEEDS}
    for dimension, edits in VERSIONS.items():
        for said, instead in edits:
            if rng.random() < 0.5:
                path = f"rules/{dimension}.toml"
                assert said in files[path], said
                files[path] = files[path].replace(said, rng.choice(instead))
    return files


def random_facts(rng: random.Random, now: int) -> Facts:
    orders = rng.choice([0, 1, 1, 2, 3, 5])
    last = None if orders == 0 else now - rng.choice([0, 5 * DAY, 31 * DAY, 61 * DAY, rng.randrange(90 * DAY)])
    spend = rng.choice([0, 9_999, 10_000, 20_001, 30_000, 30_001, 39_999, 40_000, 50_000, 70_000])
    return spend, orders, last


@pytest.fixture
def store(database_url: str) -> Iterator[RulesStore]:
    made = RulesStore(database_url)
    yield made
    made.database.close()


def lived(store: RulesStore, rng: random.Random) -> tuple[dict[int, Facts], Instant]:
    """Let some weeks pass; return the facts at their end, and that instant."""
    facts: dict[int, Facts] = {}
    now = START
    for _ in range(4):
        now = Instant(now + rng.choice([HOUR, DAY, 10 * DAY, 31 * DAY]))
        changed = {user: random_facts(rng, now) for user in range(1, USERS + 1) if not facts or rng.random() < 0.3}
        facts |= changed
        store.set_facts(changed)
        store.evaluate(now)
    return facts, Instant(now + rng.choice([1, HOUR, 3 * DAY]))


@pytest.mark.parametrize(("depth", "everybody"), DEPTHS)
def test_a_sweep_equals_a_plain_reading_of_the_new_rules(store: RulesStore, depth: SweepDepth, everybody: bool) -> None:
    rng = random.Random(f"{depth} {everybody}")
    store.use(another_version(rng))
    facts, now = lived(store, rng)
    store.use(FILES)
    standing = {int(str(user)): standing_of(row) for user, *row in store.all(STATE)}
    store.evaluate(now)
    store.sweep(now, depth, everybody=everybody, chunk=7)
    for _ in range(8):
        for user, plain in standing.items():
            plain.look(*facts[user], now)
        found = store.all(
            "SELECT user_id, place_value, since_value, wait_value, place_lifecycle, since_lifecycle, place_needs,"
            " wait_needs__premium FROM user_state ORDER BY user_id"
        )
        assert found == [(user, *columns(plain)) for user, plain in standing.items()]
        now = Instant(now + rng.choice([HOUR, DAY, 4 * DAY, 10 * DAY, 31 * DAY]))
        store.evaluate(now)
    assert any(plain.moves for plain in standing.values())


def standing_of(row: Sequence[Any]) -> Standing:
    value, since_value, wait_value, lifecycle, since_lifecycle, places, _since, premium_wait, _edge = row
    return Standing(
        value=value, value_since=since_value or 0, value_wait=wait_value, lifecycle=lifecycle,
        lifecycle_since=since_lifecycle or 0, basic="|basic|" in places, premium="|premium|" in places,
        premium_wait=premium_wait,
    )  # fmt: skip


def columns(plain: Standing) -> tuple[object, ...]:
    places = "|" + "basic|" * plain.basic + "premium|" * plain.premium
    value = (plain.value, plain.value_since, plain.value_wait)
    return (*value, plain.lifecycle, plain.lifecycle_since, places, plain.premium_wait)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("depth", "everybody"), DEPTHS)
def test_a_sweep_equals_an_evaluation_of_everybody(
    store: RulesStore, tmp_path: Path, depth: SweepDepth, everybody: bool, seed: int
) -> None:
    """Also in when users are due: from then on both stores go the same way, though the sweep has evaluated few."""
    rng = random.Random(seed)
    before, after, now = another_version(rng), another_version(rng), START
    other = RulesStore(f"sqlite:///{tmp_path / 'other.db'}")
    for one in (store, other):
        one.use(before)
        _, now = lived(one, random.Random(seed))
        one.use(after)
        one.evaluate(now)  # who is due moves for that, whatever else changed
    moves = len(store.all(MOVES))
    store.sweep(now, depth, everybody=everybody, chunk=11)
    other.everybody_due(now)
    other.evaluate(now)
    swept, evaluated = store.all(STATE), other.all(STATE)
    assert [row[:-1] for row in swept] == [row[:-1] for row in evaluated]
    assert len(store.all(MOVES)) > moves, "nobody moves, so the test shows nothing"
    assert store.all("SELECT DISTINCT cause FROM transition WHERE cause = 'rules'") == [("rules",)]
    for user, due, other_due in due_both(store, other):
        assert due <= other_due, f"user {user} would be evaluated too late"
    for _ in range(6):
        now = Instant(now + rng.choice([HOUR, DAY, 4 * DAY, 10 * DAY, 31 * DAY]))
        for one in (store, other):
            one.evaluate(now)
        assert sorted(store.all(MOVES), key=repr) == sorted(other.all(MOVES), key=repr)
        assert [row[:-1] for row in store.all(STATE)] == [row[:-1] for row in other.all(STATE)]
    other.database.close()


def due_both(store: RulesStore, other: RulesStore) -> Iterator[tuple[int, int, int]]:
    query = "SELECT user_id, due_at FROM user_due ORDER BY user_id"
    for (user, due), (_user, other_due) in zip(store.all(query), other.all(query), strict=True):
        yield int(str(user)), int(str(due)), int(str(other_due))


def test_a_sweep_that_changes_nothing_writes_no_row(store: RulesStore) -> None:
    rng = random.Random(3)
    _, now = lived(store, rng)
    store.evaluate(now)
    store.use(FILES)
    before = [store.all(query) for query in (STATE, MOVES, "SELECT * FROM user_due ORDER BY user_id")]
    written = rows_written(store)
    assert store.sweep(now) == set()
    assert {table: count for table, count in written.items() if count} == {}
    assert [store.all(query) for query in (STATE, MOVES, "SELECT * FROM user_due ORDER BY user_id")] == before


def rows_written(store: RulesStore) -> dict[str, int]:
    """Count the rows that statements write into the tables of users from now on."""
    counted = dict.fromkeys(("user_state", "user_due", "user_date", "transition"), 0)

    def note(_connection: Connection, cursor: object, sql: str, *_: object) -> None:
        for table in counted:
            if sql.startswith((f"INSERT INTO {table} ", f"UPDATE {table} ", f"DELETE FROM {table} ")):
                counted[table] += max(cursor.rowcount, 0)  # type: ignore[attr-defined]

    event.listen(store.database.engine, "after_cursor_execute", note)
    return counted


def test_those_who_move_are_written_and_asked_about_and_nobody_else(store: RulesStore) -> None:
    facts: dict[int, Facts] = {user: (user * 1_000, 3, START) for user in range(1, 101)}
    store.set_facts(facts)
    store.evaluate(START)
    now = Instant(START + HOUR)
    store.evaluate(now)
    store.use({**FILES, "rules/needs.toml": NEEDS.replace("spend > 300", "spend > 290")})
    written = rows_written(store)
    assert store.sweep(now, chunk=30) == {30}, "290.01 to 300.00"
    assert written == {"user_state": 1, "user_due": 0, "user_date": 0, "transition": 1}
    assert store.all("SELECT user_id, to_place, cause FROM transition WHERE cause = 'rules'") == [
        (30, "premium", "rules")
    ]


def test_who_only_waits_is_written_and_falls_at_the_end_of_the_grace(store: RulesStore) -> None:
    store.set_facts({1: (45_000, 3, START), 2: (60_000, 3, START)})
    store.use({**FILES, "rules/value.toml": VALUE.replace("spend >= 500", "spend >= 440")})
    store.evaluate(START)
    now = Instant(START + 20 * DAY)
    store.evaluate(now)
    store.use({**FILES, "rules/value.toml": VALUE.replace("spend >= 400", "spend >= 460")})
    store.sweep(now)
    assert store.all("SELECT user_id, place_value, wait_value FROM user_state ORDER BY 1") == [
        (1, "high", now),
        (2, "high", None),
    ]
    store.evaluate(Instant(now + 30 * DAY - 1))
    assert store.all("SELECT place_value FROM user_state WHERE user_id = 1") == [("high",)]
    store.evaluate(Instant(now + 30 * DAY))
    assert store.all("SELECT user_id, place_value FROM user_state ORDER BY 1") == [(1, "mid"), (2, "high")]


def test_a_sweep_postpones_nobody(store: RulesStore) -> None:
    """A playbook may have asked for an instant that the rules do not know."""
    store.set_facts({1: (100, 1, START)})
    store.evaluate(START)
    soon = START + HOUR
    store.execute(f"UPDATE user_due SET due_at = {soon}")
    store.sweep(Instant(START + 1))
    assert store.all("SELECT due_at FROM user_due") == [(soon,)]


def test_who_is_due_is_left_to_be_evaluated_with_all_that_is_new(store: RulesStore) -> None:
    store.set_facts({1: (45_000, 3, START), 2: (45_000, 3, START)})
    store.evaluate(START)
    store.execute("UPDATE user_due SET due_at = 0, cause = 'behaviour' WHERE user_id = 1")
    store.use({**FILES, "rules/value.toml": VALUE.replace("spend >= 500", "spend >= 440")})
    now = Instant(START + HOUR)
    assert 1 not in store.sweep(now)
    assert store.all("SELECT due_at, cause FROM user_due WHERE user_id = 1") == [(0, "behaviour")]
    store.evaluate(now)
    assert store.all("SELECT user_id, cause FROM transition WHERE to_place = 'high' ORDER BY 1") == [
        (1, "behaviour"),
        (2, "rules"),
    ]
