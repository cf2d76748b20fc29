"""What a tick needs to know, and what it reports."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.breaker import Alarm
from engine.clock import Instant


@dataclass(frozen=True, slots=True)
class Progress:
    """What a tick has done so far."""

    users: int = 0
    """Users who were evaluated."""
    transitions: int = 0
    enrolments: int = 0
    actions: int = 0
    quarantined: int = 0
    """Users and enrolments that were quarantined; see ``bad_rows``."""
    alarms: tuple[Alarm, ...] = ()
    """What has stopped because of a bug; see ``playbooks.breakers``."""
    lived_until: Instant | None = None
    """The instant of a later tick that this store has already had. If set, this tick did nothing."""
    ended_early: str | None = None
    """Why the tick left the rest to the next one, in a sentence; None if it did not."""


Watch = Callable[[Progress], None]


def add(done: Progress, did: Progress) -> Progress:
    """Return ``done`` with the users, transitions and enrolments of ``did`` added."""
    return replace(
        done,
        users=done.users + did.users,
        transitions=done.transitions + did.transitions,
        enrolments=done.enrolments + did.enrolments,
    )


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """How much the stages do at once."""

    users: int
    """Users per transaction."""
    enrolments: int
    """Enrolments per transaction."""
    sweep_threads: int
    """Threads that work on a sweep."""


@dataclass(frozen=True, slots=True)
class TickSettings:
    """The settings that the stages need."""

    chunks: ChunkSettings
    brand_zone: str
    coupon_secret: bytes
    hold_vanished: int
    """How many milliseconds what a vanished playbook had planned is held before it is cancelled."""
