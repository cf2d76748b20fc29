"""Crontabs mean the same in the worker's schedule and in playbooks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.crontab import ScheduledJob, read_cron
from engine.clock import DAY, MINUTE, Instant, instant

START = datetime(2026, 2, 20, tzinfo=UTC)
FIELDS = st.tuples(
    st.sampled_from(["0", "*/20", "5,35", "10-30/10"]),
    st.sampled_from(["*", "3", "0-22/11", "6,18"]),
    st.sampled_from(["*", "1", "13,28", "1-7"]),
    st.sampled_from(["*", "3", "2-4", "feb,mar"]),
    st.sampled_from(["*", "0", "7", "mon", "1-5", "fri-sun", "sat,0", "*/2"]),
).map(" ".join)


@given(FIELDS)
def test_the_workers_runs_in_utc_are_the_minutes_of_the_local_days(crontab: str) -> None:
    calendar = read_cron(crontab)
    named = [
        instant(day) + minute * MINUTE
        for day in (START + timedelta(days=number) for number in range(20))
        for minute in calendar.minutes(day.date())
    ]
    job, found = ScheduledJob("retention", crontab, instant(START)), list[int]()
    for now in range(instant(START), instant(START) + 20 * DAY, MINUTE * 5):
        latest = job.latest_run(Instant(now))
        found += [latest] if latest is not None else []
    assert found == named


@pytest.mark.parametrize(("number", "name"), [("0", "sun"), ("7", "sun"), ("1", "mon"), ("6", "sat")])
def test_weekdays_have_crontabs_numbers_for_the_worker_too(number: str, name: str) -> None:
    by_number, by_name = (ScheduledJob("x", f"0 3 * * {day}", instant(START)) for day in (number, name))
    now = Instant(instant(START) + 30 * DAY)
    assert by_number.latest_run(now) == by_name.latest_run(now) is not None
