"""The size of chunks: short ones while others wait, at the rate that was measured."""

import pytest

from engine.store.pace import ALERT, SHORT, Pace


class Timer:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timer() -> Timer:
    return Timer()


def test_chunks_are_as_large_as_they_may_be_while_nobody_waits(timer: Timer) -> None:
    pace = Pace(10_000, monotonic=timer)
    assert pace.size() == 10_000
    pace.done(10_000, 2.0, others_wait=False)
    assert pace.size() == 10_000


def test_chunks_are_short_from_when_somebody_waited_until_a_while_after(timer: Timer) -> None:
    pace = Pace(10_000, monotonic=timer)
    crowded = [pace.crowded]
    pace.done(10_000, 2.0, others_wait=True)
    assert pace.size() == 5_000 * SHORT
    crowded.append(pace.crowded)
    timer.now += ALERT / 2
    pace.done(500, 0.1, others_wait=True)
    timer.now += ALERT * 0.9
    assert pace.size() == 5_000 * SHORT
    pace.done(500, 0.1, others_wait=False)
    timer.now += ALERT * 0.1
    assert pace.size() == 10_000
    assert [*crowded, pace.crowded] == [False, True, False]


def test_the_rate_is_that_of_the_last_chunk_with_rows(timer: Timer) -> None:
    pace = Pace(10_000, monotonic=timer)
    pace.done(1_000, 1.0, others_wait=True)
    pace.done(0, 0.5, others_wait=False)
    assert pace.size() == 1_000 * SHORT
    pace.done(100, 0.05, others_wait=False)
    assert pace.size() == 2_000 * SHORT


@pytest.mark.parametrize(("rows", "seconds", "size"), [(1, 3.0, 1), (10, 0.0001, 7), (5, 0.0, 7), (0, 1.0, 7)])
def test_a_chunk_has_one_row_at_least_and_no_more_than_the_limit(
    timer: Timer, rows: int, seconds: float, size: int
) -> None:
    pace = Pace(7, monotonic=timer)
    pace.done(rows, seconds, others_wait=True)
    assert pace.size() == size


def test_where_one_writes_at_a_time_chunks_are_never_long() -> None:
    timer = Timer()
    pace = Pace(50_000, 0.2, timer)
    assert pace.size() == 1_000
    pace.done(1_000, 0.02, others_wait=False)
    assert pace.size() == 10_000
    pace.done(10_000, 0.1, others_wait=True)
    assert pace.size() == 100_000 * SHORT
    timer.now += 60
    assert pace.size() == 20_000
