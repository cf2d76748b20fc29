"""The log of ticks: the instant of each, what it did, and whether it failed."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import column, func, insert, select, update

from engine.clock import CLOCK_SKEW, Clock, Instant, WallClock
from engine.faults import trail
from engine.pipeline import Progress, Watch
from engine.store.database import Database
from engine.store.tables import Tick

Work: TypeAlias = Callable[[Watch], Progress]
"""The work of a tick. It reports its progress after each transaction."""


def last_tick(database: Database) -> Instant | None:
    """Return the instant of the newest tick; None before the first."""
    with database.read() as connection:
        last = connection.execute(select(func.max(Tick.at))).scalar()
    return Instant(last) if last is not None else None


def present(database: Database, clock: Clock) -> Instant:
    """Return the clock's instant, or that of the last tick if another worker's clock is slightly ahead."""
    now, last = clock.now(), last_tick(database)
    return last if last is not None and now < last <= now + CLOCK_SKEW else now


def logged(database: Database, version: str, now: Instant, work: Work, watch: Watch) -> Progress:
    """Do the ``work`` of the tick at ``now``, with ``version`` of the files, and log its result or failure."""
    number, reached = _begin(database, version, now), Progress()

    def note(sofar: Progress) -> None:
        nonlocal reached
        reached = sofar
        watch(sofar)

    try:
        done = work(note)
    except Exception as error:
        _end(database, number, reached, trail(error))
        raise
    _end(database, number, done, _problems(done))
    return done


def _problems(done: Progress) -> str | None:
    """Return what an admin should know about a tick that completed; None if all went well."""
    problems = [f"{done.quarantined} rows were quarantined"] if done.quarantined else []
    return "; ".join([*problems, *map(str, done.alarms)]) or None


def _begin(database: Database, version: str, now: Instant) -> int:
    with database.write() as connection:
        row = {"at": now, "started_at": WallClock().now(), "content_version": version}
        made: int = connection.execute(insert(Tick).values(row).returning(column("id"))).scalar_one()
        return made


def _end(database: Database, number: int, done: Progress, error: str | None) -> None:
    with database.write() as connection:
        connection.execute(
            update(Tick)
            .where(Tick.id == number)  # type: ignore[arg-type]
            .values(
                ended_at=WallClock().now(),
                users=done.users,
                transitions=done.transitions,
                enrolments=done.enrolments,
                actions=done.actions,
                error=error,
            )
        )
