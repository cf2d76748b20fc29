"""What is paused, as delivery and playbooks read it: one tiny table, read often.

People pause, and so do files: a playbook's own file, or the retirement of a playbook. One does not end another's pause.
"""

from collections.abc import Mapping, Sequence
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


class PauseOrigin(StrEnum):
    """Who or what pauses, in rising order of what decides about a message that several of them stop."""

    FILE = "file"
    """The playbook's file says ``state = "paused"``."""
    PERSON = "person"
    RETIRED = "retired"
    """The playbook is retired, or its file has vanished, and what it had planned is cancelled now or later."""


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
class Stop:
    """Why something may not be sent now."""

    origin: PauseOrigin
    intervention: int | None = None
    """What the person did; None if files did it."""


@dataclass(frozen=True, slots=True)
class Paused:
    """Everything whose messages may not be sent now, each with what stops it."""

    by: Mapping[Subject, Stop] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by)

    def stopping(self, route: Route) -> Stop | None:
        """Return why the message may not be sent now; None if it may."""
        return next((self.by[one] for one in route.subjects() if one in self.by), None) if self.by else None

    def stops_channel(self, channel: str, adapters: Sequence[str]) -> bool:
        """Tell whether no message of ``channel``, which ``adapters`` serve, may be sent now."""
        if not self.by:
            return False
        if any(one in self.by for one in of_channel(channel, None)):
            return True
        return bool(adapters) and all(self.stopping_adapter(one) for one in adapters)

    def stopping_adapter(self, adapter: str | None) -> Stop | None:
        """Return why nothing may be sent through ``adapter`` now; None if that is not paused."""
        return None if adapter is None else self.by.get(Subject(SubjectScope.ADAPTER, adapter))

    @property
    def everything(self) -> bool:
        """Whether everything is paused."""
        return Subject(SubjectScope.EVERYTHING) in self.by


NOTHING_PAUSED = Paused()
_RANKS = list(PauseOrigin)
_READ = text("SELECT scope, name, origin, intervention_id FROM pause WHERE held_at IS NULL")


def read_paused(connection: Connection) -> Paused:
    """Return what is paused now. Of a retired playbook all messages have been held at some time; later ones are sent."""
    rows = connection.execute(_READ).all()
    if not rows:
        return NOTHING_PAUSED
    ranked = sorted(rows, key=lambda row: _RANKS.index(PauseOrigin(row[2])))
    return Paused({Subject(SubjectScope(row[0]), row[1]): Stop(PauseOrigin(row[2]), row[3]) for row in ranked})


@dataclass(frozen=True, slots=True)
class StandingPause:
    """Something that is paused: since when, by what, and if by a person, by whom and why, as claimed."""

    subject: Subject
    origin: PauseOrigin
    since: Instant
    intervention: int | None = None
    who: str | None = None
    why: str | None = None
    command: str | None = None
    """Of a person: ``pause``, or ``cancel`` if it is paused only until what waits has been cancelled."""
    cancel_at: Instant | None = None
    """Of a retirement: when what waits is cancelled; None if what was held is being released."""


_STANDING = text(
    "SELECT p.scope, p.name, p.origin, p.since, p.intervention_id, i.who, i.why, i.command, p.cancel_at FROM pause AS p"
    " LEFT JOIN intervention AS i ON i.id = p.intervention_id ORDER BY p.since, p.scope, p.name, p.origin"
)


def standing_pauses(connection: Connection) -> tuple[StandingPause, ...]:
    """Return everything that is paused, the oldest first."""
    return tuple(
        StandingPause(Subject(SubjectScope(row[0]), row[1]), PauseOrigin(row[2]), Instant(row[3]), *row[4:])
        for row in connection.execute(_STANDING)
    )


@dataclass(frozen=True, slots=True)
class Retirement:
    """A playbook that is retired and whose planned messages and steps are held, cancelled or released."""

    playbook: str
    since: Instant
    cancel_at: Instant | None
    """When what waits is cancelled; None if it goes on, once all that was held is released."""
    held_at: Instant | None
    """Since when all messages have been held; None if they have not."""


@dataclass(frozen=True, slots=True)
class StoppedByFiles:
    """The playbooks that files stop."""

    paused: frozenset[str]
    """Those that their files pause."""
    retirements: tuple[Retirement, ...]
    """The retirements that are not over, by name."""


_BY_FILES = text(
    f"SELECT origin, name, since, cancel_at, held_at FROM pause WHERE origin <> '{PauseOrigin.PERSON}' ORDER BY name"
)


def stopped_by_files(connection: Connection) -> StoppedByFiles:
    """Return the playbooks that files stop now."""
    rows = connection.execute(_BY_FILES).all()
    return StoppedByFiles(
        frozenset(row.name for row in rows if row.origin == PauseOrigin.FILE),
        tuple(Retirement(*row[1:]) for row in rows if row.origin == PauseOrigin.RETIRED),
    )


def paused_names_sql(scope: SubjectScope) -> str:
    """Return a SELECT of the names within ``scope`` that are paused, whatever their messages may do."""
    return f"SELECT p.name FROM pause AS p WHERE p.scope = '{scope}'"


def stopped_names_sql(scope: SubjectScope) -> str:
    """Return a SELECT of the names within ``scope`` whose messages may not be sent now; see ``read_paused``."""
    return f"{paused_names_sql(scope)} AND p.held_at IS NULL"
