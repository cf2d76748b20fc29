"""When time alone changes a condition."""

import pytest

from engine.clock import DAY, NEVER
from engine.conditions import Name, Scope, ValueType, earliest_sql, parse_condition, parse_expression
from engine.store.dialects import DIALECTS
from tests.conditions.conftest import Population
from tests.conditions.population import NOW, SCOPE


def at(since: int | None) -> Scope:
    """A scope whose facts are constants: ``x`` an instant, ``d`` a date."""
    instant = "CAST(NULL AS BIGINT)" if since is None else f"({since})"
    return Scope({"x": Name(ValueType.INSTANT, instant), "d": Name(ValueType.DATE, "'2026-09-01'")})


def earliest(users: Population, text: str, since: int | None, now: int = NOW) -> int:
    points = parse_condition(text, at(since)).turning_points()
    value = users.ask(earliest_sql(points, users.dialect), now=now)[0][0]
    assert isinstance(value, int)
    return value


def holds(users: Population, text: str, since: int, now: int) -> bool:
    return bool(users.ask(parse_condition(text, at(since)).holds_sql(users.dialect), now=now)[0][0])


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("days_since(x) > 60", 61),
        ("60 < days_since(x)", 61),
        ("days_since(x) >= 60", 60),
        ("days_since(x) < 60", 60),
        ("days_since(x) <= 60", 61),
        ("days_since(x) > 59.5", 60),
        ("days_since(x) >= 59.5", 60),
        ("days_since(x) < 59.5", 60),
        ("days_since(x) <= 59.5", 60),
        ("days_since(x) = 60", 60),
        ("days_since(x) <> 60", 60),
        ("days_since(x) between 60 and 70", 60),
        ("days_since(x) between 59.5 and 70", 60),
        ("days_since(x) between 0 and 60.5", 61),
        ("not days_since(x) between 0 and 60", 61),
        ("days_since(x) in (60, 65)", 60),
        ("days_since(x) > 100 or days_since(x) > 60", 61),
        ("days_since(x) > -4.5 and days_since(x) > 60", 61),
    ],
)
def test_a_threshold_is_met_on_the_millisecond(users: Population, text: str, days: int) -> None:
    since = NOW - 50 * DAY - 7
    turn = earliest(users, text, since)
    assert turn == since + days * DAY
    before, after = (holds(users, text, since, moment) for moment in (turn - 1, turn))
    assert before is not after
    assert holds(users, text, since, NOW) is before


@pytest.mark.parametrize("text", ["days_since(x) = 59.5", "days_since(x) > 40", "x > '2026-01-31'", "x is null"])
def test_without_a_turn_ahead_there_is_none(users: Population, text: str) -> None:
    assert earliest(users, text, NOW - 50 * DAY) == NEVER


def test_a_turn_at_this_instant_has_happened(users: Population) -> None:
    assert earliest(users, "days_since(x) > 60", NOW - 61 * DAY) == NEVER
    assert earliest(users, "days_since(x) > 60", NOW - 61 * DAY + 1) == NOW + 1


def test_an_unknown_instant_never_turns(users: Population) -> None:
    assert earliest(users, "days_since(x) > 60 or days_since(x) + 1 > 3", None) == NEVER


@pytest.mark.parametrize("text", ["days_since(x) + 1 > 3", "days_since(x) > days_since(d)", "days_since(x) * 2 = 8"])
def test_in_arithmetic_every_whole_day_counts(users: Population, text: str) -> None:
    assert earliest(users, text, NOW - 50 * DAY - 7) in {NOW + DAY - 7, NOW - NOW % DAY + DAY}
    assert earliest(users, "days_since(x) + 1 > 3", NOW - 50 * DAY) == NOW + DAY
    assert earliest(users, "days_since(x) + 1 > 3", NOW + DAY // 2) == NOW + DAY // 2


def test_a_date_counts_from_its_utc_midnight(users: Population) -> None:
    first_of_september = 1_788_220_800_000
    assert earliest(users, "days_since(d) >= 60", None) == first_of_september + 60 * DAY


def test_an_instant_that_depends_on_time_turns_too() -> None:
    condition = parse_condition(
        "days_since(case when days_since(first_at) > 3 then last_at else first_at end) > 9", SCOPE
    )
    assert [(point.days, sorted(point.names)) for point in condition.turning_points()] == [
        (10, ["first_at", "last_at"]),
        (4, ["first_at"]),
    ]


def test_expressions_turn_too() -> None:
    (point,) = parse_expression("days_since(last_at) / 7", SCOPE).turning_points()
    assert point.days is None
    assert point.names == {"last_at"}
    assert parse_expression("orders + 1", SCOPE).turning_points() == ()


def test_no_points_are_one_constant() -> None:
    assert {earliest_sql((), dialect) for dialect in DIALECTS} == {str(NEVER)}


@pytest.mark.parametrize(("test", "column"), [("value = 'high'", "value"), ("needs = 'basic'", "needs")])
def test_a_point_can_be_asked_as_of_another_placement(users: Population, test: str, column: str) -> None:
    """``due_at`` is set in the statement that sets the placement, and must follow the new one."""
    (point,) = parse_condition(
        f"days_since(case when {test} then last_at else first_at end) > 3", SCOPE
    ).turning_points()
    (last,) = parse_condition("days_since(last_at) > 3", SCOPE).turning_points()
    (first,) = parse_condition("days_since(first_at) > 3", SCOPE).turning_points()
    there, elsewhere = ("'|basic|'", "'|'") if column == "needs" else ("'high'", "'low'")
    asked = users.ask(
        point.sql(users.dialect, {f"u.{column}": there}),
        last.sql(users.dialect),
        point.sql(users.dialect, {f"u.{column}": elsewhere}),
        first.sql(users.dialect),
    )
    assert [(row[0], row[2]) for row in asked] == [(row[1], row[3]) for row in asked]
    assert any(row[0] != row[2] for row in asked)
