"""Crontabs mean the same in the worker's schedule and in playbooks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.crontab import ScheduledJob, read_cron
from engine.clock import DAY, HOUR, MINUTE, Instant, instant

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
    job = ScheduledJob("retention", crontab)
    for now in range(instant(START), instant(START) + 20 * DAY, 7 * HOUR + MINUTE):
        due = [run for run in named if run <= now]
        latest = job.latest_run(Instant(now))
        assert latest == due[-1] if due else latest is None or latest < instant(START)


@pytest.mark.parametrize(
    ("crontab", "latest"),
    [
        ("* * * * *", "2026-03-10T12:34"),
        ("0 * * * *", "2026-03-10T12:00"),
        ("0 3 * * *", "2026-03-10T03:00"),
        ("35 12 * * *", "2026-03-09T12:35"),
        ("0 3 * * sun", "2026-03-08T03:00"),
        ("0 3 31 * *", "2026-01-31T03:00"),
        ("0 3 29 2 *", "2024-02-29T03:00"),
        ("0 3 15 * mon", "2026-03-09T03:00"),
    ],
)
def test_the_latest_run_is_found_however_long_ago_it_was(crontab: str, latest: str) -> None:
    now = Instant(instant(datetime(2026, 3, 10, 12, 34, 30, tzinfo=UTC)))
    assert ScheduledJob("x", crontab).latest_run(now) == instant(datetime.fromisoformat(latest).replace(tzinfo=UTC))


def test_a_run_is_due_at_its_instant_and_not_before() -> None:
    job, three = ScheduledJob("x", "0 3 * * *"), instant(START) + 3 * HOUR
    assert job.latest_run(Instant(three - 1)) == three - DAY
    assert job.latest_run(Instant(three)) == three


@pytest.mark.parametrize(("number", "name"), [("0", "sun"), ("7", "sun"), ("1", "mon"), ("6", "sat")])
def test_weekdays_have_crontabs_numbers_for_the_worker_too(number: str, name: str) -> None:
    by_number, by_name = (ScheduledJob("x", f"0 3 * * {day}") for day in (number, name))
    now = Instant(instant(START) + 30 * DAY)
    assert by_number.latest_run(now) == by_name.latest_run(now) is not None
