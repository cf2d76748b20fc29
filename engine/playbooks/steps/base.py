"""The base of step kinds: a kind's section of the file, and the act that the section compiles to.

To add a kind, write a file in this folder with a section, an act and a ``StepKind``, and add the kind to the tuple in
``__init__.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.actions.described_enum import DescribedEnum
from engine.content.document import Section
from engine.content.findings import did_you_mean
from engine.content.values import Name
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.file.part import FilePart


@dataclass(frozen=True, slots=True)
class StepMessage:
    """A message that a step sends."""

    channels: tuple[str, ...]
    """In the order in which they are tried."""
    template: str
    coupon: str | None
    """The coupon whose code it contains."""
    key: str = "send"
    """The key of the step that lists its channels."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an enrolment stands: at ``step``, due ``after`` milliseconds."""

    step: int
    after: int = 0
    waiting: bool = False
    """Whether it waits at the step for an event."""


class Act(ABC):
    """What a step does. Target steps are indices; the number of steps means the end."""

    @abstractmethod
    def take(self, here: EnrolmentsAtStep) -> int:
        """Let the enrolments at this step take it, set-wise; return how many actions were created."""

    def targets(self, index: int) -> Collection[int]:
        """Return the steps that can come after this one, which is number ``index``."""
        return (index + 1,)

    def standing(self, index: int) -> Standing | None:
        """Return where an enrolment stands that took this step, number ``index``, as soon as it was due.

        None if that depends on more than the step, so that it has to be taken.
        """
        return None

    @property
    def waits_for(self) -> str | None:
        """The event that resumes an enrolment waiting at this step; None if the step waits for none."""
        return None

    @property
    def messages(self) -> tuple[StepMessage, ...]:
        """The messages that the step can send."""
        return ()

    @property
    def endings(self) -> Mapping[str, str]:
        """The reasons for which the step ends an enrolment, each with its sentence."""
        return {}


@dataclass(frozen=True)
class StepPart(FilePart):
    """One step of the file during compilation."""

    index: int
    ids: tuple[str, ...]
    """The ids of all steps, from the file or generated."""
    given: tuple[str, ...]
    """The ids that the file gives."""

    @property
    def next(self) -> int:
        """The index of the step after this one."""
        return self.index + 1

    def target(self, name: str, *keys: str | int) -> int:
        """Return the index of the step called ``name``; note an error if it does not come later."""
        if name not in self.ids:
            self.find(f"unknown step `{name}`{did_you_mean(name, self.given)}", *keys)
            return self.next
        target = self.ids.index(name)
        if target <= self.index:
            self.find(f"step `{name}` comes earlier; jumps only go forward, so that every enrolment ends", *keys)
        return target

    def check_coupon(self, name: str) -> None:
        """Note an error if the coupon at the key ``coupon`` does not exist."""
        if self.references.coupons is not None:
            self.check_known("coupon", name, self.references.coupons, "coupon")


class StepSection(Section):
    """Base of each kind's form of ``[[step]]``; one field has the name of the kind's key."""

    id: Name | None = None
    when: str | None = None
    """The step is skipped if this does not hold."""

    @abstractmethod
    def compile(self, part: StepPart) -> Act:
        """Return the act; it is not used if mistakes were noted in ``part``."""


@dataclass(frozen=True, slots=True)
class StepKind:
    """One kind of step."""

    key: str
    """The key in ``[[step]]`` that makes a step one of this kind; other kinds may use it as an additional key."""
    form: type[StepSection]
    reasons: tuple[DescribedEnum, ...] = ()
    """The reasons that only this kind gives."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Key of its form -> the message if the key is used with another kind."""


def needs(data: object, key: str, message: str) -> None:
    """Check that a section has a key.

    Raises:
        ValueError: the key is missing; ``message`` says what to write.
    """
    if isinstance(data, dict) and key not in data:
        raise ValueError(message)
