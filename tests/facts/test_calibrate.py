"""Scores: nearest-rank cut points over the population, and the sweep that follows when they move."""

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from engine.clock import Instant
from engine.facts.calibrate import Calibrated, calibrate
from engine.facts.sources.quantile import read_calibrations, read_cuts
from engine.store.due import Cause
from engine.store.sweep import OpenSweep, SweepDepth, SweepNeed, close_sweep, current_sweep
from tests.facts.facts_store import FactsStore

NOW = 1_700_000_000_000
VERSION = "version"

FACTS = """
[facts]
points = { attribute = "points", type = "number" }
score = { quantile = "points", buckets = 5 }
good = { expr = "score >= 4" }
"""


def give(store: FactsStore, points: list[float | None]) -> None:
    """Replace all users: these have the points, no score yet, and have been evaluated."""
    store.fill(range(1, len(points) + 1), [])
    with store.database.write() as connection:
        rows = [{"u": user, "p": value} for user, value in enumerate(points, 1)]
        connection.execute(text("INSERT INTO user_state (user_id, fact_points) VALUES (:u, :p)"), rows)
        connection.execute(text("UPDATE user_due SET evaluated_at = 1"))


def run(store: FactsStore, now: int = NOW) -> Calibrated:
    with store.database.write() as connection:
        (found,) = calibrate(connection, store.catalog, VERSION, Instant(now))
    return found


def sweep(store: FactsStore) -> OpenSweep | None:
    """Close the open sweep, and return it."""
    with store.database.write() as connection:
        if (found := current_sweep(connection)) is not None:
            close_sweep(connection, found)
    return found


def test_a_score_is_null_until_it_is_calibrated_and_then_counts_the_cuts_exceeded(store: FactsStore) -> None:
    store.declare(FACTS)
    store.fill(range(1, 4), [], {"points": 7})
    store.refresh(NOW)
    assert store.column("fact_score") == [None] * 3
    assert run(store) == Calibrated("score", 3, (7.0,) * 4)
    store.refresh(NOW)
    assert store.column("fact_score") == [1] * 3
    assert [bool(value) for value in store.column("fact_good")] == [False] * 3


def test_ten_values_fall_into_five_buckets_of_two(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [float(value) for value in range(10, 0, -1)])
    assert run(store).cuts == (2.0, 4.0, 6.0, 8.0)


def test_a_changed_score_of_anybody_opens_a_sweep(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [1.0, 2.0, 3.0, 4.0, 5.0, None])
    sweep(store)
    run(store)
    found = sweep(store)
    assert found is not None
    assert (found.need, found.version) == (SweepNeed(Cause.SCORES, SweepDepth.SCORES), VERSION)
    with store.database.write() as connection:
        connection.execute(
            text("UPDATE user_state SET fact_score = user_id, fact_good = user_id >= 4 WHERE user_id < 6")
        )
    run(store)
    assert sweep(store) is None
    with store.database.write() as connection:
        connection.execute(text("UPDATE user_state SET fact_score = 2 WHERE user_id = 5"))
    run(store)
    assert sweep(store) is not None, "only one user has another score, though the cut points are the same"


def test_who_is_new_needs_no_sweep(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [1.0, 2.0, 3.0])
    sweep(store)
    with store.database.write() as connection:
        connection.execute(text("UPDATE user_due SET evaluated_at = NULL"))
    assert run(store).cuts
    assert sweep(store) is None


def test_the_number_of_values_is_kept_up_to_date(store: FactsStore) -> None:
    store.declare(FACTS)
    counted = []
    for day, points in enumerate([(7.0,) * 2, (7.0,) * 5, (8.0,) * 5]):
        give(store, list(points))
        run(store, NOW + day)
        with store.database.read() as connection:
            counted.append([(c.values, c.at) for c in read_calibrations(connection).values()])
    assert counted == [[(2, NOW)], [(5, NOW)], [(5, NOW + 2)]]


def test_it_writes_nothing_but_cut_points_and_a_sweep(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [1.0, 2.0, 3.0])
    written = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if not sql.startswith(("SELECT", "LOCK")):
            written.append(sql.split(" (", maxsplit=1)[0])

    with store.database.write() as connection:
        event.listen(connection, "before_cursor_execute", note)
        calibrate(connection, store.catalog, VERSION, Instant(NOW))
        event.remove(connection, "before_cursor_execute", note)
    tables = {sql.split()[2 if sql.startswith(("INSERT", "DELETE")) else 1] for sql in written}
    assert tables == {"cut_points", "sweep", "sweep_range"}


def test_that_nobody_has_a_value_is_recorded_and_there_is_no_score(store: FactsStore) -> None:
    store.declare(FACTS)
    give(store, [1.0, 2.0])
    run(store)
    give(store, [None, None])
    assert run(store) == Calibrated("score", 0, ())
    with store.database.read() as connection:
        assert read_cuts(connection) == {"score": ()}


def test_cut_points_are_kept_with_the_instant_from_which_they_are_valid(store: FactsStore) -> None:
    store.declare(FACTS)
    for day, points in enumerate([(7.0, 7.0), (7.0, 7.0), (8.0, 8.0), (None, None), (7.0, 7.0)]):
        give(store, list(points))
        run(store, NOW + day)
    with store.database.read() as connection:
        dated = connection.execute(text("SELECT calibrated_at FROM cut_points ORDER BY 1")).scalars().all()
        assert dated == [NOW, NOW + 2, NOW + 3, NOW + 4], "the second calibration found nothing new"
        valid = [read_cuts(connection, Instant(NOW + day)).get("score") for day in range(-1, 5)]
    assert valid == [None, (7.0,) * 4, (7.0,) * 4, (8.0,) * 4, (), (7.0,) * 4]


def test_a_calibration_by_a_clock_that_is_behind_is_still_the_newest(store: FactsStore) -> None:
    store.declare(FACTS)
    for at, value in ((NOW, 7.0), (NOW - 5, 8.0)):
        give(store, [value])
        run(store, at)
    with store.database.read() as connection:
        assert read_cuts(connection) == {"score": (8.0,) * 4}
    store.refresh(NOW - 5)
    sweep(store)
    run(store, NOW - 5)
    assert sweep(store) is None


def test_another_number_of_buckets_waits_for_its_own_calibration(store: FactsStore) -> None:
    store.declare(FACTS)
    store.fill((1, 2), [], {"points": 7})
    store.refresh(NOW)
    run(store)
    store.declare(FACTS.replace("buckets = 5", "buckets = 3"))
    store.refresh(NOW)
    assert store.column("fact_score") == [None, None]
    assert run(store).cuts == (7.0, 7.0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=st.lists(st.one_of(st.none(), st.integers(-3, 9).map(float)), min_size=1, max_size=23))
def test_cut_points_are_nearest_ranks(store: FactsStore, points: list[float | None]) -> None:
    if not store.catalog.facts:
        store.declare(FACTS)
    give(store, points)
    values = sorted(value for value in points if value is not None)
    cuts = tuple(values[math.ceil(k * len(values) / 5) - 1] for k in range(1, 5)) if values else ()
    assert run(store) == Calibrated("score", len(values), cuts)
