"""The days that a store lives: 20 that were lived by the old program, and the 30 after them, by the console script."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from engine.cli import main

USERS = 10_000
FIRST_DAY = datetime(2026, 9, 30, tzinfo=UTC)
HOURS = (22, 4, 10, 16)
"""The hour of the day's tick, UTC: each part of the world has its turn."""
BEFORE = range(20)
"""Days of which the snapshot holds what was done."""
AFTER = range(20, 50)
"""Days that follow it. Summer time ends on their way: on 25 October in Europe, on 1 November in America."""
HOUSE_FROM = 30
"""The first day that the store of revision 0002 has not lived."""
SUPPLY_DAY = 26
"""Before this day's tick the pool of gifts is filled, and messages that waited for a code may leave."""
SUPPLY = [f"GIFT-{number:05d}" for number in range(5_000, 6_500)]


def tick_at(day: int) -> datetime:
    """Return the instant of the tick of a day, counted from ``FIRST_DAY``."""
    return FIRST_DAY + timedelta(days=day, hours=HOURS[day % len(HOURS)])


SNAPSHOT_AT = int((tick_at(BEFORE[-1]) + timedelta(hours=2)).timestamp()) * 1_000
"""When the snapshot was taken, in UTC milliseconds: leases that were alive at the last tick have run out."""


def habitue(*words: str) -> None:
    """Run the console script in this process; where it does not end well, that is an error."""
    with mock.patch.object(sys, "argv", ["habitue", *words]):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"`habitue {' '.join(words)}` ended with {end.code}") from end


@contextlib.contextmanager
def at_home(folder: Path, url: str) -> Iterator[None]:
    """Work in the brand's folder, with the store at ``url``."""
    (folder / "var").mkdir(exist_ok=True)
    with mock.patch.dict(os.environ, {"HABITUE_STORE__URL": url}), contextlib.chdir(folder):
        yield


def tick_by_command(at: datetime) -> None:
    """Tick, and deliver what is due, in a program that begins anew."""
    habitue("tick", "--at", at.isoformat())


def live_on(
    folder: Path, url: str, tick: Callable[[datetime], None] = tick_by_command, days: Iterable[int] = AFTER
) -> None:
    """Migrate the store and live these ``days`` after the snapshot: tick, and deliver what is due, once a day."""
    with at_home(folder, url):
        habitue("migrate")
        for day in days:
            if day == SUPPLY_DAY:
                Path("codes.txt").write_text("\n".join(SUPPLY), encoding="utf-8")
                habitue("coupons", "import", "GIFT", "codes.txt")
            tick(tick_at(day))
