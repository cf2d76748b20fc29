"""What people have paused, as delivery and playbooks read it: one tiny table, read often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, text

from engine.clock import Instant


class SubjectScope(StrEnum):
    """What can be paused."""

    PLAYBOOK = "playbook"
    CHANNEL = "channel"
    ADAPTER = "adapter"
    CLASS = "class"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a person pauses or cancels: everything, or one name within a scope."""

    scope: SubjectScope
    name: str = ""

    def __str__(self) -> str:
        return f"{self.scope} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Route:
    """What can be paused about one message. ``adapter`` is None if no adapter serves its channel."""

    playbook: str
    channel: str
    message_class: str
    adapter: str | None

    def subjects(self) -> tuple[Subject, ...]:
        """Return the subjects whose pause stops the message."""
        return (
            *of_channel(self.channel, self.adapter),
            Subject(SubjectScope.PLAYBOOK, self.playbook),
            Subject(SubjectScope.CLASS, self.message_class),
        )


def of_channel(channel: str, adapter: str | None) -> tuple[Subject, ...]:
    """Return the subjects whose pause stops all messages of ``channel``, which ``adapter`` serves."""
    served = () if adapter is None else (Subject(SubjectScope.ADAPTER, adapter),)
    return (Subject(SubjectScope.EVERYTHING), Subject(SubjectScope.CHANNEL, channel), *served)


@dataclass(frozen=True, slots=True)
class Paused:
    """Everything that is paused, each with the intervention that paused it."""

    by: Mapping[Subject, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by)

    def stopping(self, route: Route) -> int | None:
        """Return the intervention because of which the message may not be sent now; None if it may."""
        return next((self.by[one] for one in route.subjects() if one in self.by), None) if self.by else None

    def stops_channel(self, channel: str, adapter: str | None) -> bool:
        """Tell whether no message of ``channel`` may be sent now."""
        return bool(self.by) and any(one in self.by for one in of_channel(channel, adapter))

    @property
    def everything(self) -> bool:
        """Whether everything is paused."""
        return Subject(SubjectScope.EVERYTHING) in self.by


NOTHING_PAUSED = Paused()
_READ = text("SELECT scope, name, intervention_id FROM pause")


def read_paused(connection: Connection) -> Paused:
    """Return what is paused now."""
    rows = connection.execute(_READ).all()
    return Paused({Subject(SubjectScope(row[0]), row[1]): row[2] for row in rows}) if rows else NOTHING_PAUSED


@dataclass(frozen=True, slots=True)
class StandingPause:
    """Something that is paused: since when, by whom and why, as claimed."""

    subject: Subject
    since: Instant
    intervention: int
    who: str | None
    why: str | None
    command: str | None
    """``pause``, or ``cancel`` if it is paused only until what waits has been cancelled."""


_STANDING = text(
    "SELECT p.scope, p.name, p.since, p.intervention_id, i.who, i.why, i.command FROM pause AS p"
    " LEFT JOIN intervention AS i ON i.id = p.intervention_id ORDER BY p.since, p.scope, p.name"
)


def standing_pauses(connection: Connection) -> tuple[StandingPause, ...]:
    """Return everything that is paused, the oldest first."""
    return tuple(
        StandingPause(Subject(SubjectScope(row[0]), row[1]), Instant(row[2]), *row[3:])
        for row in connection.execute(_STANDING)
    )


def paused_names_sql(scope: SubjectScope) -> str:
    """Return a SELECT of the names that are paused within ``scope``."""
    return f"SELECT p.name FROM pause AS p WHERE p.scope = '{scope}'"
