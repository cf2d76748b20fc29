"""The base of trigger kinds: a kind's section of the file, and the trigger that the section compiles to.

To add a kind, write a file in this folder with a section, a trigger and a ``TriggerKind``, and add the kind to the
tuple in ``__init__.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from engine.actions.described_enum import DescribedEnum
from engine.clock import iso
from engine.conditions.condition import Condition
from engine.content.document import Section
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.candidates import Candidates, CandidateSource
from engine.store.dialects import Dialect

LOCAL_DAY = "date"
"""The prefix of occurrences on a day of each user's own: their instants are local times, which differ between zones."""


class Trigger(ABC):
    """What enrols users in a playbook. Triggers are compared by value."""

    @abstractmethod
    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return the candidates among the rows of ``source``, and the trigger's own tests.

        Enrolment and ``habitue explain`` both use them, so an explanation cannot differ from what enrolment does.
        """

    @property
    def reads_transitions(self) -> bool:
        """Whether candidates come from transitions."""
        return False

    @property
    def reads_events(self) -> frozenset[str]:
        """The names of the events that candidates come from."""
        return frozenset()

    @property
    def event(self) -> str | None:
        """The name of the triggering event, which the playbook's messages can use; None if no event triggers it."""
        return None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Conditions that can let a user in only because time passes.

        If there are any, all users are evaluated when the playbook is new, and again when they may re-enter.
        """
        return ()

    @property
    def local_time(self) -> "LocalTimeTrigger | None":
        """The trigger itself if it fires at local days or hours, zone by zone instead of chunk by chunk; else None."""
        return None

    def detail(self, reason: DescribedEnum, at: int) -> str:
        """Return what ``habitue explain`` adds to a candidate's reason; ``at`` is the candidate's instant."""
        return f"it happened {iso(at)}"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion in one zone."""

    zone: str
    """The zone's name in users' profiles; empty for users without a zone."""
    day: str
    """What the trigger compares with a value of the user; empty if the occasion is for everybody."""
    year: str
    """Year of the occasion, four digits; empty if it does not matter."""
    at: int
    """UTC milliseconds."""
    occurrence: str
    """Identifies the occasion in the enrolment; see ``Candidates.occurrence``."""
    slot: str
    """The local day, and the minute if there can be several. Each slot can be taken only once per zone."""


class LocalTimeTrigger(Trigger):
    """A trigger that fires at local days or hours: each occasion is taken once per time zone."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The trigger as text; equal texts mean equal occasions."""

    @abstractmethod
    def occasions_between(self, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
        """Yield the occasions with ``since < at <= now`` in ``zone``, whose name in users' profiles is ``name``."""

    def users(self, occasions: Sequence[Occasion]) -> str | None:
        """Return a query for the ``user_id`` of all whom ``occasions`` can concern, by an index; None if that is everybody.

        The users need not match: ``candidates`` tells who does.
        """
        return None

    @property
    def local_time(self) -> "LocalTimeTrigger":
        """This trigger."""
        return self


class TriggerSection(Section):
    """Base of each kind's form of ``[trigger]``; one field has the name of the kind's key."""

    @abstractmethod
    def compile(self, part: FilePart) -> Trigger | None:
        """Return the trigger, or None if there are mistakes, which are noted in ``part``."""


@dataclass(frozen=True, slots=True)
class TriggeredBy:
    """What triggered an enrolment, as read from its occurrence."""

    rest: str
    """The occurrence without the kind's prefix."""
    event: str | None = None
    """The event's name, if the enrolment has an event that still exists."""
    dimension: str | None = None
    """The transition's dimension, if there is a transition that still exists."""
    from_place: str | None = None
    to_place: str | None = None


@dataclass(frozen=True, slots=True)
class TriggerKind:
    """One kind of trigger."""

    key: str
    """The key in ``[trigger]`` that makes a trigger one of this kind."""
    form: type[TriggerSection]
    occurrence: str
    """The prefix, before the colon, of its enrolments' occurrences. Kinds with the same prefix share ``words``."""
    words: Callable[[TriggeredBy], str]
    """Describes what triggered an enrolment, for people."""
    reasons: tuple[DescribedEnum, ...] = ()
    """The reasons that only this kind gives."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Key of its form -> the message if the key is used with another kind."""


def recurring(part: FilePart) -> None:
    """Warn if a recurring trigger has re-entry ``once``."""
    if part.head.reentry == "once":
        part.found.warn(
            ("playbook", "reentry"),
            "the trigger recurs, but re-entry is `once`, so nobody enters twice; write `always` or a duration",
        )
