"""What a kind of trigger is: its section of the file, and what the section compiles to.

To add one: write a file in this folder with a section, a trigger and a ``TriggerKind``, and name the kind in the
tuple in ``__init__.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from engine.actions.worded import Worded
from engine.clock import iso
from engine.conditions.condition import Condition
from engine.content.document import Section
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.candidates import Candidates, CandidateSource
from engine.store.dialect import Dialect


class Trigger(ABC):
    """What lets users into a playbook. Triggers are compared by value."""

    @abstractmethod
    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return who among the rows of ``source`` could enter, and the trigger's own tests of them.

        Enrolment and ``habitue explain`` both read them, so an explanation cannot differ from what is done.
        """

    @property
    def reads_transitions(self) -> bool:
        """Tell whether candidates come from transitions."""
        return False

    @property
    def reads_events(self) -> frozenset[str]:
        """The events that candidates come from."""
        return frozenset()

    @property
    def event(self) -> str | None:
        """The event that the playbook's messages can read: the one that triggered it."""
        return None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Conditions that can let a user in though nothing happens to them, because time passes.

        With any, everybody is looked at when the playbook is new, and again when re-entry comes up.
        """
        return ()

    @property
    def occasional(self) -> "OccasionalTrigger | None":
        """The trigger itself where it is one of local days or hours, taken zone by zone and not chunk by chunk."""
        return None

    def detail(self, reason: Worded, at: int) -> str:
        """Return what ``habitue explain`` says beside a reason of a candidate of the instant ``at``."""
        return f"it happened {iso(at)}"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion in one zone."""

    zone: str
    """As users have it."""
    day: str
    """What the user's value has to be that the trigger looks occasions up by; empty where it asks for everybody."""
    year: str
    """Year of the occasion, four digits; empty where it does not matter."""
    at: int
    """UTC milliseconds."""
    occurrence: str
    """What the enrolment is about; see ``Candidates.occurrence``."""
    slot: str
    """Local day, and minute where there can be several: with the zone, what can be taken once."""


@dataclass(frozen=True, slots=True)
class StateIndex:
    """An index by which users are found on their days."""

    name: str
    expression: str
    """Over the columns of ``user_state``."""


class OccasionalTrigger(Trigger):
    """A trigger of local days or hours: each occasion is taken once in each zone."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The trigger as text: the same text, the same occasions."""

    @abstractmethod
    def occasions_between(self, name: str, zone: ZoneInfo, since: int, now: int) -> Iterator[Occasion]:
        """Yield the occasions with ``since < at <= now`` in the zone that users have as ``name``."""

    @property
    def value(self) -> str | None:
        """SQL over ``s``: the user's value that is looked up by ``Occasion.day``. None: the occasion is everybody's."""
        return None

    @property
    def index(self) -> StateIndex | None:
        """The index on ``value``."""
        return None

    @property
    def occasional(self) -> "OccasionalTrigger":
        """The trigger itself."""
        return self


class TriggerSection(Section):
    """Base of the form of ``[trigger]``, of one kind; a field is named as the kind's key."""

    @abstractmethod
    def compile(self, part: FilePart) -> Trigger | None:
        """Return the trigger, or None where there are mistakes, which are noted in ``part``."""


@dataclass(frozen=True, slots=True)
class TriggeredBy:
    """What an enrolment's occurrence names, for people."""

    rest: str
    """The occurrence without the kind's word."""
    event: str | None = None
    """The event's name, where the enrolment has one that is still there."""
    dimension: str | None = None
    """Where it names a transition that is still there: its dimension and places."""
    from_place: str | None = None
    to_place: str | None = None


@dataclass(frozen=True, slots=True)
class TriggerKind:
    """One kind of trigger."""

    key: str
    """The key in ``[trigger]`` that only this kind has."""
    form: type[TriggerSection]
    occurrence: str
    """The word before the colon in the occurrences of its enrolments. Kinds that share one share ``words``."""
    words: Callable[[TriggeredBy], str]
    """Says for people what triggered an enrolment."""
    reasons: tuple[Worded, ...] = ()
    """The reasons of its own that it gives."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Key of its form -> what to say where the key stands beside another kind."""


def recurring(part: FilePart) -> None:
    """Warn where a trigger that recurs has re-entry ``once``."""
    if part.head.reentry == "once":
        part.found.warn(
            ("playbook", "reentry"),
            "the trigger recurs, but re-entry is `once`: nobody enters twice; write `always` or a time",
        )
