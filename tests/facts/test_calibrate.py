"""Scores: nearest-rank cut points over the population, and who becomes due when they move."""

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from engine.clock import Instant
from engine.facts.calibrate import Calibrated, calibrate, uncalibrated
from tests.facts.brand import Brand

NOW = 1_700_000_000_000

FACTS = """
[facts]
points = { attribute = "points", type = "number" }
score = { quantile = "points", buckets = 5 }
good = { expr = "score >= 4" }
"""


def give(brand: Brand, points: list[float | None]) -> None:
    brand.fill(range(1, len(points) + 1), [])
    with brand.database.write() as connection:
        rows = [{"u": user, "p": value} for user, value in enumerate(points, 1)]
        connection.execute(
            text("UPDATE user_state SET fact_points = :p, fact_score = NULL, due_at = 99 WHERE user_id = :u"), rows
        )


def run(brand: Brand) -> Calibrated:
    with brand.database.write() as connection:
        (found,) = calibrate(connection, brand.database.dialect, brand.catalog, Instant(NOW))
    return found


def test_a_score_is_null_until_it_is_calibrated_and_then_counts_the_cuts_exceeded(brand: Brand) -> None:
    brand.declare(FACTS)
    brand.fill(range(1, 4), [], {"points": 7})
    brand.refresh(NOW)
    assert brand.column("fact_score") == [None] * 3
    with brand.database.read() as connection:
        assert uncalibrated(connection, brand.catalog) == ("score",)
    assert run(brand) == Calibrated("score", 3, (7.0,) * 4, 3)
    assert brand.column("due_at") == [0] * 3
    brand.refresh(NOW)
    assert brand.column("fact_score") == [1] * 3
    assert [bool(value) for value in brand.column("fact_good")] == [False] * 3
    with brand.database.read() as connection:
        assert uncalibrated(connection, brand.catalog) == ()
    assert run(brand).changed == 0


def test_ten_values_fall_into_five_buckets_of_two(brand: Brand) -> None:
    brand.declare(FACTS)
    give(brand, [float(value) for value in range(10, 0, -1)])
    assert run(brand).cuts == (2.0, 4.0, 6.0, 8.0)


def test_only_users_whose_score_changes_become_due(brand: Brand) -> None:
    brand.declare(FACTS)
    give(brand, [1.0, 2.0, 3.0, 4.0, 5.0, None])
    with brand.database.write() as connection:
        connection.execute(text("UPDATE user_state SET fact_score = 2"))
    assert run(brand).changed == 5
    assert brand.column("due_at") == [0, 99, 0, 0, 0, 0]


def test_nobody_with_a_value_means_no_cut_points_and_no_score(brand: Brand) -> None:
    brand.declare(FACTS)
    give(brand, [1.0, 2.0])
    run(brand)
    give(brand, [None, None])
    assert run(brand) == Calibrated("score", 0, (), 0)
    with brand.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM cut_points")).scalar() == 0


def test_another_number_of_buckets_waits_for_its_own_calibration(brand: Brand) -> None:
    brand.declare(FACTS)
    brand.fill((1, 2), [], {"points": 7})
    brand.refresh(NOW)
    run(brand)
    brand.declare(FACTS.replace("buckets = 5", "buckets = 3"))
    brand.refresh(NOW)
    assert brand.column("fact_score") == [None, None]
    assert run(brand).cuts == (7.0, 7.0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=st.lists(st.one_of(st.none(), st.integers(-3, 9).map(float)), min_size=1, max_size=23))
def test_cut_points_are_nearest_ranks(brand: Brand, points: list[float | None]) -> None:
    if not brand.catalog.facts:
        brand.declare(FACTS)
    give(brand, points)
    values = sorted(value for value in points if value is not None)
    cuts = tuple(values[math.ceil(k * len(values) / 5) - 1] for k in range(1, 5)) if values else ()
    assert run(brand) == Calibrated("score", len(values), cuts, len(values))
