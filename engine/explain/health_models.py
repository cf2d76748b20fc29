"""What ``habitue status`` reports about an installation, as frozen read models. Instants are UTC milliseconds."""

from dataclasses import dataclass

from engine.clock import Instant
from engine.explain.notices import Notice
from engine.explain.pauses import PauseReport
from engine.store.due import Cause
from engine.store.quarantine import Quarantined


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A process of ``habitue run``."""

    name: str
    started_at: Instant
    seen_at: Instant
    content_version: str | None
    notices: tuple[Notice, ...]
    """What only this process knows: files that it refused, an adapter that it paused."""
    silent: bool
    """It has not been seen for too long, so it or its machine has died."""


@dataclass(frozen=True, slots=True)
class TickDone:
    """One pass of the pipeline; ``milliseconds`` is None while it runs, or if it died."""

    at: Instant
    started_at: Instant
    milliseconds: int | None
    users: int
    transitions: int
    enrolments: int
    actions: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the oldest of each is, in milliseconds; None if nothing is due."""

    users: int | None
    users_at_once: bool
    """Users are waiting because there is something new about them; since when is not known."""
    enrolments: int | None
    actions: int | None


@dataclass(frozen=True, slots=True)
class Sweeping:
    """An open sweep: everybody is being evaluated again."""

    cause: Cause
    reason: str
    """Why, in words."""
    version: str
    opened_at: Instant
    moved_at: Instant
    """When a tick reached somebody last; when it was opened, if none has."""
    reached: int
    """User ids that have been reached, of ``total``."""
    total: int
    per_second: float | None
    """User ids reached per second since it was begun; None if no tick has begun it."""
    ends_at: Instant | None
    """When it will have reached everybody at this rate; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Depth:
    """The number of actions with one state, channel and reason. ``more``: counting stopped at its limit."""

    state: str
    channel: str | None
    reason: str
    sentence: str | None
    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """A coupon pool; ``free`` is counted up to a limit."""

    coupon: str
    free: int
    more: bool
    claimed: int
    """Codes claimed in ``over``, counted up to the same limit."""
    over: int
    """The time over which claims were counted, in milliseconds: the last week, or less if the first claim is more recent."""

    @property
    def lasts(self) -> int | None:
        """How long the free codes last at that rate, in milliseconds; None if none was claimed."""
        return self.free * self.over // self.claimed if self.claimed else None


@dataclass(frozen=True, slots=True)
class Store:
    """The part of the status that comes from the store."""

    at: Instant
    content_version: str | None
    """The version that was last applied; None for a new database."""
    applied_at: Instant | None
    users_about: int
    """The database's estimate if it has one, otherwise the highest id, so that no table is counted in full."""
    workers: tuple[WorkerSeen, ...]
    ticks: tuple[TickDone, ...]
    """Newest first."""
    lag: Lag
    sweep: Sweeping | None
    """None if no sweep is open."""
    queue: tuple[Depth, ...]
    """Actions that are waiting for delivery or being sent."""
    held_or_unknown: tuple[Depth, ...]
    """Actions that need a person: a decision, coupon codes, or the provider's word on whether they arrived."""
    repeated: int
    """How many transactions of the last 24 hours were repeated because the database had undone them in favour of others."""
    quarantine: tuple[Quarantined, ...]
    """Rows that could not be processed, oldest first, up to a limit."""
    gone: int = 0
    """How many addresses of the last 24 hours get nothing more because providers said that they are gone, up to a limit."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The space on the volume of a folder, in bytes."""

    folder: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Attention:
    """A problem that needs a person's attention, and what to do about it."""

    check: str
    """The name of the check that found it: see ``engine.explain.checks``."""
    subject: str
    message: str
    remedy: str
    """What to do, with the exact command if there is one."""
    about: str
    """What tells it from others of its check, whoever notices it: as ``CheckFinding.about``."""


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the installation: its store, its files, its coupon pools, and what needs attention."""

    store: Store
    files_version: str | None
    """The version of the current files; None if they cannot be read, and do not have to be."""
    files_errors: int
    pools: tuple[Pool, ...]
    disk: Disk | None
    """The store's volume; None if a database server keeps the store, whose disk is not looked at."""
    attention: tuple[Attention, ...]
    notes: tuple[str, ...] = ()
    """What is good to know, and needs nobody's attention."""
    pauses: tuple[PauseReport, ...] = ()
    """What people have paused, the oldest first."""
