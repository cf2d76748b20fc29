"""What a kind of step is: its section of the file, and what the section compiles to.

To add one: write a file in this folder with a section, an act and a ``StepKind``, and name the kind in the tuple in
``__init__.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.actions.worded import Worded
from engine.content.document import Section
from engine.content.findings import did_you_mean
from engine.content.values import Name
from engine.playbooks.due_enrolments import AtStep
from engine.playbooks.file.part import FilePart


@dataclass(frozen=True, slots=True)
class StepMessage:
    """A message that a step sends."""

    channels: tuple[str, ...]
    """In the order in which they are tried."""
    template: str
    coupon: str | None
    """The coupon whose code it carries."""


class Act(ABC):
    """What a step does. Steps to go to are indices; the number of steps stands for the end."""

    @abstractmethod
    def take(self, here: AtStep) -> int:
        """Let the enrolments that stand here take the step, set-wise; return how many actions came of it."""

    def targets(self, index: int) -> Collection[int]:
        """Return the steps that can come after this one, which is number ``index``."""
        return (index + 1,)

    @property
    def waits_for(self) -> str | None:
        """The event that lets an enrolment which waits here go on to the next step at once."""
        return None

    @property
    def messages(self) -> tuple[StepMessage, ...]:
        """The messages that the step can send."""
        return ()

    @property
    def endings(self) -> Mapping[str, str]:
        """The reasons with which the step ends an enrolment, each with its sentence."""
        return {}


@dataclass(frozen=True)
class StepPart(FilePart):
    """One step of the file while it is compiled."""

    index: int
    ids: tuple[str, ...]
    """The ids of all steps, given or made."""
    given: tuple[str, ...]
    """The ids that the file gives."""

    @property
    def next(self) -> int:
        """The index of the step after this one."""
        return self.index + 1

    def target(self, name: str, *keys: str | int) -> int:
        """Return the index of the step called ``name``; an error is noted where it does not come later."""
        if name not in self.ids:
            self.find(f"unknown step `{name}`{did_you_mean(name, self.given)}", *keys)
            return self.next
        target = self.ids.index(name)
        if target <= self.index:
            self.find(f"step `{name}` is not further on; jumps go forward only, so that every enrolment ends", *keys)
        return target

    def check_coupon(self, name: str) -> None:
        """Note an error where the coupon at the key ``coupon`` does not exist."""
        if self.references.coupons is not None:
            self.check_known("coupon", name, self.references.coupons, "coupon")


class StepSection(Section):
    """Base of the form of ``[[step]]``, of one kind; a field is named as the kind's key."""

    id: Name | None = None
    when: str | None = None
    """The step is passed over where this does not hold."""

    @abstractmethod
    def compile(self, part: StepPart) -> Act:
        """Return the act; of no use where mistakes were noted in ``part``."""


@dataclass(frozen=True, slots=True)
class StepKind:
    """One kind of step."""

    key: str
    """The key in ``[[step]]`` that makes it one of this kind; beside another kind it can be a key of that one's."""
    form: type[StepSection]
    reasons: tuple[Worded, ...] = ()
    """The reasons of its own that it gives."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Key of its form -> what to say where the key stands beside another kind."""


def needs(data: object, key: str, message: str) -> None:
    """Check that a section has a key.

    Raises:
        ValueError: it has not; ``message`` says what would be right.
    """
    if isinstance(data, dict) and key not in data:
        raise ValueError(message)
