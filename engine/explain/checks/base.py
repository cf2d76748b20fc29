"""The port between ``habitue status`` and a check: what a check looks at, and what it finds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from engine.clock import MINUTE, Instant
from engine.content.findings import Finding
from engine.explain.health_models import Disk, Pool, Store, WorkerSeen
from engine.explain.pauses import PauseReport
from engine.loading import Content
from engine.settings import ScheduleSettings, StatusSettings

_AT_LEAST = 5 * MINUTE


@dataclass(frozen=True)
class Installation:
    """What checks look at. ``connection`` is for queries of their own, which must be cheap at any size."""

    connection: Connection
    now: Instant
    wall: Instant
    """The instant by the machine's clock, for what is recorded by it even if ticks run as of another instant."""
    store: Store
    pools: Sequence[Pool]
    disk: Disk | None
    pauses: Sequence[PauseReport]
    content: Content | None
    """What ticks run; None if the files have errors."""
    findings: Sequence[Finding]
    """What is wrong with the files that the next tick would apply."""
    differences: str
    """How the columns differ from those that the files need; empty if they do not."""
    limits: StatusSettings
    schedule: ScheduleSettings

    @property
    def patience(self) -> int:
        """How late something may be before that is a problem, in milliseconds: two ticks, and at least five minutes."""
        return max(2 * self.schedule.tick, _AT_LEAST)

    @property
    def alive(self) -> tuple[WorkerSeen, ...]:
        """The workers that reported lately."""
        return tuple(worker for worker in self.store.workers if not worker.silent)


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """Something that needs a person: what it concerns, what is wrong, and what to do.

    ``about`` tells it from others of the same check, if its subject, such as the worker that noticed it, does not.
    """

    subject: str
    message: str
    remedy: str
    about: str = ""


Find = Callable[[Installation], Iterator[CheckFinding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of problem, by the name under which ``--json`` reports it."""

    name: str
    find: Find


def several(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: ``1 message``, ``2,345 messages``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
