"""The name of a holiday must match exactly one holiday."""

from datetime import date

import pytest

from engine.calendar.occurrences import read_holiday


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("US: Independence Day", {date(2026, 7, 4)}),
        ("US: juneteenth", {date(2026, 6, 19)}),
        ("CN: Chinese New Year", {date(2026, 2, 17)}),
        ("CN: Spring Festival", {date(2026, 2, 17)}),
        ("CN: Chinese New Year (Spring Festival)", {date(2026, 2, 17)}),
        ("CN: Chinese New Year's Eve", {date(2026, 2, 16)}),
        ("CN: Spring", {date(2026, 2, 17)}),
        ("DE: Christmas Day", {date(2026, 12, 25)}),
        ("GB: Christmas", {date(2026, 12, 25)}),
        ("TR: Eid al-Fitr", {date(2026, 3, 20)}),
    ],
)
def test_a_holiday_is_found_by_its_name_or_a_part_that_no_other_has(text: str, days: set[date]) -> None:
    assert read_holiday(text, 0, 600).days(2026) == days


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("US: Independence", "2 holidays of US match `Independence`: write one of `Independence Day`, `Juneteenth"),
        ("US: Day", "11 holidays of US match `Day`"),
        ("DE: Christmas", "write one of `Christmas Day`, `Second Day of Christmas`"),
        ("CN: New Year", "3 holidays of CN match `New Year`"),
    ],
)
def test_a_part_that_fits_several_names_them_all(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_holiday(text, 0, 600)


def test_an_occasion_is_known_by_the_name_in_the_file() -> None:
    assert read_holiday("CN: spring festival", -1, 600).key == "holiday:CN:spring festival:-1:600"
