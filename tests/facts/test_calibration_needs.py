"""When scores are calibrated before the night: the first values, and twice as many as were calibrated."""

from collections.abc import Iterable

import pytest
from sqlalchemy import event, insert, text

from engine.clock import Instant
from engine.facts.calibrate import calibrate
from engine.facts.calibration_needs import CalibrationNeeds
from engine.store.tables import Tick
from tests.facts.facts_store import FactsStore

NOW = 1_700_000_000_000
FACTS = """
[facts]
points = { attribute = "points", type = "number" }
visits = { attribute = "visits", type = "integer" }
score = { quantile = "points", buckets = 5 }
"""
TWO = FACTS + 'loyal = { quantile = "visits", buckets = 2 }\n'


def give(store: FactsStore, users: Iterable[int], points: float | None, visits: int | None = None) -> None:
    with store.database.write() as connection:
        rows = [{"u": user, "p": points, "v": visits} for user in users]
        given = "INSERT INTO user_state (user_id, fact_points, fact_visits) VALUES (:u, :p, :v)"
        connection.execute(text(given), rows)


def run(store: FactsStore, now: int = NOW) -> None:
    with store.database.write() as connection:
        calibrate(connection, store.catalog, "version", Instant(now))


def ticked(store: FactsStore, users: int, at: int) -> None:
    """Note a tick that has evaluated so many users."""
    with store.database.write() as connection:
        row = {"at": at, "started_at": 0, "content_version": "version", "users": users}
        connection.execute(insert(Tick).values(row))


def missing(store: FactsStore, needs: CalibrationNeeds, users: str | None = None) -> tuple[str, ...]:
    with store.database.read() as connection:
        found = needs.missing(connection, users)
        assert not found or needs.lacks_any(connection)
    return found


class Counting:
    """Asks whether scores were outgrown, and counts how often values are counted for that."""

    def __init__(self, store: FactsStore) -> None:
        self.store = store
        self.needs = CalibrationNeeds(store.catalog)
        self.counted = 0

    def __call__(self, evaluated: int) -> tuple[str, ...]:
        def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
            self.counted += sql.startswith("SELECT count(")

        with self.store.database.read() as connection:
            event.listen(connection, "before_cursor_execute", note)
            found = self.needs.outgrown(connection, evaluated)
            event.remove(connection, "before_cursor_execute", note)
        return found


def test_a_score_is_missing_from_its_first_value_until_it_is_calibrated(store: FactsStore) -> None:
    store.declare(FACTS)
    needs = CalibrationNeeds(store.catalog)
    assert missing(store, needs) == ()
    give(store, [1, 2], None)
    assert missing(store, needs) == ()
    with store.database.read() as connection:
        assert needs.lacks_any(connection)
    give(store, [3], 7)
    assert missing(store, needs) == ("score",)
    run(store)
    assert missing(store, needs) == ()
    with store.database.read() as connection:
        assert not needs.lacks_any(connection)


def test_only_scores_with_values_are_missing(store: FactsStore) -> None:
    store.declare(TWO)
    give(store, [1], None, 3)
    assert missing(store, CalibrationNeeds(store.catalog)) == ("loyal",)
    run(store)
    give(store, [2], 7)
    assert missing(store, CalibrationNeeds(store.catalog)) == ("score",), "it was calibrated when nobody had a value"


def test_another_number_of_buckets_is_missing(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [1], 7)
    run(store)
    store.declare(FACTS.replace("buckets = 5", "buckets = 3"))
    needs = CalibrationNeeds(store.catalog)
    assert missing(store, needs) == ("score",)
    run(store, NOW + 1)
    assert missing(store, needs) == ()


def test_everybody_is_looked_at_once_and_then_those_whose_facts_were_written(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [1, 2], None)
    chosen = "(SELECT CAST(2 AS BIGINT) AS user_id)"
    needs = CalibrationNeeds(store.catalog)
    assert missing(store, needs, chosen) == ()
    give(store, [3], 7)
    assert missing(store, needs, chosen) == ()
    assert missing(store, needs, "(SELECT CAST(3 AS BIGINT) AS user_id)") == ("score",)
    assert missing(store, CalibrationNeeds(store.catalog), chosen) == ("score",), "the first time everybody is"
    assert missing(store, needs) == ("score",)


def test_a_score_is_outgrown_when_twice_as_many_have_a_value(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, range(1, 5), 7)
    run(store)
    outgrown = Counting(store)
    give(store, range(5, 8), 8)
    assert outgrown(10) == ()
    give(store, [8], 9)
    assert outgrown(11) == ("score",)
    run(store, NOW + 1)
    assert outgrown(12) == ()


def test_values_are_counted_only_when_they_can_have_doubled(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, range(1, 11), 7)
    ticked(store, 1_000, NOW - 1)
    run(store)
    outgrown = Counting(store)
    assert [outgrown(0), outgrown(9)] == [(), ()]
    assert outgrown.counted == 0, "fewer users were evaluated than had a value"
    give(store, range(11, 16), 7)
    assert (outgrown(10), outgrown.counted) == ((), 1)
    ticked(store, 10, NOW)
    assert (outgrown(4), outgrown.counted) == ((), 1), "five values lack, and four users were evaluated since"
    give(store, range(16, 21), 7)
    assert (outgrown(5), outgrown.counted) == (("score",), 2)
    assert (Counting(store)(0), Counting(store)(1)) == ((), ("score",)), "another process counts for itself"


@pytest.mark.parametrize("values", [None, 0])
def test_who_was_not_counted_is_not_outgrown(store: FactsStore, values: int | None) -> None:
    store.declare(FACTS)
    give(store, range(1, 5), 7)
    if values is None:
        run(store)
        with store.database.write() as connection:
            connection.execute(text("UPDATE cut_points SET value_count = NULL"))
    outgrown = Counting(store)
    assert (outgrown(1_000), outgrown.counted) == ((), 0)


def test_each_score_is_outgrown_by_itself_and_they_are_counted_together(store: FactsStore) -> None:
    store.declare(TWO)
    give(store, range(1, 5), 7, 1)
    run(store)
    give(store, range(5, 9), None, 2)
    outgrown = Counting(store)
    assert (outgrown(4), outgrown.counted) == (("loyal",), 1)
    run(store, NOW + 1)
    assert outgrown(8) == ()


def test_constant_values_are_calibrated_once_when_they_double(store: FactsStore) -> None:
    """The cut points stay the same, so only the number of values is noted."""
    store.declare(FACTS)
    give(store, [1, 2], 7)
    run(store)
    give(store, [3, 4], 7)
    outgrown = Counting(store)
    assert outgrown(2) == ("score",)
    run(store, NOW + 1)
    assert outgrown(2) == ()
