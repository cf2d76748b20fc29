from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import iso
from engine.intake.rows.bulk import bulk_identifiers, bulk_instants, bulk_money
from engine.intake.rows.contact import identifier
from engine.intake.rows.model import Json
from engine.intake.rows.values import (
    BadValue,
    Conventions,
    parse_boolean,
    parse_date,
    parse_instant,
    parse_integer,
    parse_money,
    parse_number,
    parse_text,
)

UTC_READING = Conventions(UTC, currency="USD")
BERLIN = Conventions(ZoneInfo("Europe/Berlin"), currency="EUR", decimal=",")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1,234.50", 123450), ("$12.00", 1200), ("12", 1200), ("-12.5", -1250), ("+0.01", 1), (".5", 50),
        ("1,234,567.8", 123456780), ("12.500", 1250), ("USD 12.00", 1200), ("12.00 USD", 1200), ("-$3", -300),
        ("1 234.50", 123450), ("0.29", 29), (0.29, 29), (1234.56, 123456), (7, 700), ("1e3", 100000),
        ("90071992547409.91", 9007199254740991),
    ],
)  # fmt: skip
def test_money_is_exact(text: Json, minor: int) -> None:
    assert parse_money(text, UTC_READING) == minor


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("12.345", "more decimals"), ("€12", "different currency"), ("EUR 12", "different currency"),
        ("12,50", "decimal mark"), ("1,23,4", "not a number"), ("", "not a number"), ("abc", "not a number"),
        ("1.2.3", "not a number"), ("--5", "not a number"), ("99999999999999999999", "too large"), (None, "nothing"),
        (True, "true or false"), ([1], "a list"), ("12 34", "not a number"), ("١٢", "not a number"),
    ],
)  # fmt: skip
def test_money_that_is_refused(text: Json, reason: str) -> None:
    with pytest.raises(BadValue, match=reason):
        parse_money(text, UTC_READING)


def test_money_with_a_decimal_comma() -> None:
    assert parse_money("1.234,50 €", BERLIN) == 123450
    with pytest.raises(BadValue, match="decimal mark"):
        parse_money("1,234.50", BERLIN)


def test_a_currency_without_decimals() -> None:
    yen = Conventions(UTC, currency_scale=1, currency="JPY")
    assert parse_money("¥1,200", yen) == 1200
    with pytest.raises(BadValue, match="more decimals"):
        parse_money("1.5", yen)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1997-01-01", "1997-01-01T00:00:00Z"), ("2026-11-21T10:30:00Z", "2026-11-21T10:30:00Z"),
        ("2026-11-21 10:30", "2026-11-21T10:30:00Z"), ("2026-11-21T10:30:00+01:00", "2026-11-21T09:30:00Z"),
        ("2026-11-21 10:30:00 +0100", "2026-11-21T09:30:00Z"), ("2026-11-21 10:30:00 UTC", "2026-11-21T10:30:00Z"),
        ("2026-11-21T10:30:00.1239Z", "2026-11-21T10:30:00.123Z"), ("20261121", "2026-11-21T00:00:00Z"),
        ("1764547200", "2025-12-01T00:00:00Z"), ("1764547200123", "2025-12-01T00:00:00.123Z"),
        ("1764547200.5", "2025-12-01T00:00:00.500Z"), (1764547200, "2025-12-01T00:00:00Z"),
        # As ISO 8601 basic format this would be a day of 1612, at a quarter to midnight.
        ("1612121512345", "2021-01-31T19:31:52.345Z"),
    ],
)  # fmt: skip
def test_instants(text: Json, moment: str) -> None:
    assert iso(parse_instant(text, UTC_READING)) == moment


def test_a_date_alone_is_its_local_midnight() -> None:
    assert iso(parse_instant("2026-07-01", BERLIN)) == "2026-06-30T22:00:00Z"
    assert iso(parse_instant("2026-01-01", BERLIN)) == "2025-12-31T23:00:00Z"
    assert iso(parse_instant("2026-07-01T00:00Z", BERLIN)) == "2026-07-01T00:00:00Z"


def test_a_format_of_ones_own() -> None:
    reading = Conventions(UTC, date_format="%d/%m/%Y")
    assert iso(parse_instant("03/02/2026", reading)) == "2026-02-03T00:00:00Z"
    assert parse_date("03/02/2026", reading) == "2026-02-03"
    with pytest.raises(BadValue):
        parse_instant("2026-02-03", reading)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "03/02/2026", "2026-02-30", "202611211030", 12, "9" * 20, True, None]
)
def test_instants_that_are_refused(text: Json) -> None:
    with pytest.raises(BadValue):
        parse_instant(text, UTC_READING)


def test_the_edges_of_the_calendar() -> None:
    assert parse_instant("0001-01-02T00:00Z", UTC_READING) < parse_instant("9999-12-30T23:59Z", UTC_READING)
    with pytest.raises(BadValue):
        parse_instant("10000-01-01", UTC_READING)


def test_other_types() -> None:
    assert parse_integer("1,000", UTC_READING) == 1000
    assert parse_integer("3.0", UTC_READING) == 3
    assert parse_number("1,234.5", UTC_READING) == 1234.5
    assert [parse_boolean(text, UTC_READING) for text in ("Yes", "0", True, "f")] == [True, False, True, False]
    assert parse_date("1990-02-28T10:00:00Z", UTC_READING) == "1990-02-28"
    assert [parse_text(value, UTC_READING) for value in (" a ", 7, True)] == ["a", "7", "true"]


@pytest.mark.parametrize(
    ("parse", "value"),
    [(parse_integer, "3.5"), (parse_integer, "x"), (parse_number, "nan"), (parse_number, float("inf")),
     (parse_boolean, "maybe"), (parse_boolean, 2), (parse_date, "02-28"), (parse_text, {"a": 1})],
)  # fmt: skip
def test_other_types_that_are_refused(parse: object, value: Json) -> None:
    assert callable(parse)
    with pytest.raises(BadValue):
        parse(value, UTC_READING)


@given(st.lists(st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.dates().map(str), st.text(max_size=24), st.integers(10**8, 10**14).map(str),
), min_size=1, max_size=5))  # fmt: skip
def test_times_in_bulk_are_times_one_by_one(texts: list[str]) -> None:
    for reading in (UTC_READING, BERLIN):
        done = bulk_instants(texts, reading)
        assert done is None or list(done) == [parse_instant(text, reading) for text in texts]


@given(st.lists(st.one_of(st.decimals(-10**9, 10**9, places=2).map(str), st.text("0123456789.,-$ \n", max_size=8)),
                min_size=1, max_size=5))  # fmt: skip
def test_money_in_bulk_is_money_one_by_one(texts: list[str]) -> None:
    done = bulk_money(texts, UTC_READING)
    assert done is None or list(done) == [parse_money(text, UTC_READING) for text in texts]


@given(st.lists(st.text(max_size=6), min_size=1, max_size=5))
def test_keys_in_bulk_are_keys_one_by_one(texts: list[str]) -> None:
    done = bulk_identifiers(texts, UTC_READING)
    assert done is None or list(done) == [identifier(text, UTC_READING) or None for text in texts]


def test_bulk_takes_the_plain_forms() -> None:
    assert bulk_instants(["1997-01-01", "2026-11-21T10:30:00+01:00"], UTC_READING) == [852076800000, 1795253400000]
    assert bulk_money(["1.50", "-0.01"], UTC_READING) == [150, -1]
    assert bulk_identifiers([" a", ""], UTC_READING) == ["a", None]
