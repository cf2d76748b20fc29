"""Placements follow the rules, tick after tick: SQL and the rule engine against a plain reading of the same rules."""

import random
from collections.abc import Iterator

import pytest

from engine.clock import DAY, HOUR, Instant
from engine.rules.ruleset import RuleSet
from tests.rules.reference import Standing
from tests.rules.rules_store import RulesStore

START = Instant(1_700_000_000_000)
USERS = 80


@pytest.fixture
def store(database_url: str) -> Iterator[RulesStore]:
    made = RulesStore(database_url)
    yield made
    made.database.close()


def _random_facts(rng: random.Random, now: int) -> tuple[int, int, int | None]:
    orders = rng.choice([0, 1, 1, 2, 3, 5])
    last = (
        None if orders == 0 else now - rng.choice([0, 5 * DAY, 30 * DAY, 31 * DAY, 61 * DAY, rng.randrange(90 * DAY)])
    )
    return rng.choice([0, 9_999, 10_000, 20_001, 30_000, 30_001, 39_999, 40_000, 50_000]), orders, last


@pytest.mark.parametrize("seed", range(2))
def test_placements_and_transitions_equal_a_plain_reading(store: RulesStore, seed: int) -> None:
    rng = random.Random(seed)
    plain = {user: Standing() for user in range(1, USERS + 1)}
    facts: dict[int, tuple[int, int, int | None]] = {}
    now = START
    for _ in range(16):
        changed = [user for user in plain if user not in facts or rng.random() < 0.3]
        for user in changed:
            facts[user] = _random_facts(rng, now)
        store.set_facts({user: facts[user] for user in changed})
        store.evaluate(now)
        # The plain reader looks at everyone, the engine only at who is due: they must agree all the same.
        for user, standing in plain.items():
            standing.look(*facts[user], now)
        found = store.all("SELECT user_id, place_value, place_lifecycle, place_needs FROM user_state ORDER BY user_id")
        assert found == [(user, s.value, s.lifecycle, _needs(s)) for user, s in plain.items()]
        now = Instant(now + rng.choice([HOUR, DAY, 4 * DAY, 10 * DAY, 31 * DAY]))
    written = store.all("SELECT user_id, dimension, from_place, to_place, at FROM transition")
    assert sorted(map(repr, written)) == sorted(repr((user, *move)) for user, s in plain.items() for move in s.moves)


def _needs(standing: Standing) -> str:
    return "|" + "basic|" * standing.basic + "premium|" * standing.premium


def test_the_chain_of_transitions_is_unbroken(store: RulesStore) -> None:
    rng = random.Random(7)
    for step in range(10):
        now = Instant(START + step * 9 * DAY)
        store.set_facts({user: _random_facts(rng, now) for user in range(1, 40)})
        store.evaluate(now)
    rows = store.all(
        "SELECT user_id, dimension, from_place, to_place FROM transition WHERE dimension <> 'needs' ORDER BY id"
    )
    standing: dict[tuple[object, object], object] = {}
    for user, dimension, before, after in rows:
        assert standing.get((user, dimension)) == before
        standing[user, dimension] = after
    assert len(rows) > 100


def test_nobody_is_looked_at_before_something_can_change(store: RulesStore) -> None:
    store.set_facts({1: (60_000, 3, START), 2: (0, 0, None)})
    assert store.evaluate(START) == {1, 2}
    assert store.evaluate(Instant(START + 1)) == set()
    # The new customer hops on after one tick, since `value = 'high'` holds by then; nobody else is due.
    due = {int(str(user)): int(str(at)) for user, at in store.all("SELECT user_id, due_at FROM user_due")}
    assert due[2] > START + 1_000 * DAY
    assert START + 5 * DAY <= due[1] <= START + 61 * DAY


def test_a_downgrade_waits_for_its_grace_and_is_forgotten_when_the_user_recovers(store: RulesStore) -> None:
    store.set_facts({1: (60_000, 3, START)})
    store.evaluate(START)
    falling = Instant(START + 20 * DAY)
    store.set_facts({1: (100, 3, START)})
    store.evaluate(falling)
    assert store.all("SELECT place_value, wait_value FROM user_state") == [("high", falling)]
    store.set_facts({1: (45_000, 3, START)})
    store.evaluate(Instant(falling + DAY))
    assert store.all("SELECT place_value, wait_value FROM user_state") == [("high", None)]
    store.set_facts({1: (100, 3, START)})
    store.evaluate(Instant(falling + 2 * DAY))
    store.evaluate(Instant(falling + 32 * DAY - 1))
    assert store.all("SELECT place_value FROM user_state") == [("high",)]
    store.evaluate(Instant(falling + 32 * DAY))
    assert store.all("SELECT place_value, wait_value FROM user_state") == [("low", None)]


def test_a_place_that_was_taken_out_of_the_file_is_left_at_the_next_look(store: RulesStore) -> None:
    store.set_facts({1: (60_000, 3, START)})
    store.evaluate(START)
    store.execute("UPDATE user_state SET place_value = 'platinum'")
    store.execute("UPDATE user_due SET due_at = 0")
    store.evaluate(Instant(START + DAY))
    assert store.all("SELECT place_value FROM user_state") == [("high",)]
    assert store.all("SELECT from_place, rule FROM transition WHERE to_place = 'high' ORDER BY id") == [
        (None, "value.high.when"),
        ("platinum", "value.high.when"),
    ]


def test_every_transition_names_rule_version_and_signature(store: RulesStore) -> None:
    store.set_facts({1: (60_000, 3, START)})
    store.evaluate(START)
    rows = store.all("SELECT dimension, rule, rules_version, signature FROM transition ORDER BY dimension, to_place")
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("lifecycle", "lifecycle.4.to_active", store.rules.version),
        ("needs", "needs.premium.when", store.rules.version),
        ("value", "value.high.when", store.rules.version),
    ]
    value = store.rules.dimension("value")
    assert {"spend >= 500", "orders >= 3"} <= set(value.true_atoms(int(str(rows[2][3]))))


def test_dimensions_are_evaluated_in_the_order_of_their_references(store: RulesStore) -> None:
    rules: RuleSet = store.rules
    assert [[dimension.name for dimension in level] for level in rules.levels] == [["value"], ["lifecycle", "needs"]]
