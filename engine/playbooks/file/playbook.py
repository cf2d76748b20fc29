"""A playbook, compiled: trigger, audience, exits and steps, with conditions that know their SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.calendar.occurrences import Calendar
from engine.conditions.condition import Condition
from engine.conditions.turning import TurningPoint
from engine.content.values import LocalTime
from engine.incentives.form import CouponSection
from engine.playbooks.file.form import DateTrigger, MessageClass, Reentry


@dataclass(frozen=True, slots=True)
class Enter:
    """The user came to a place, and still stands there."""

    dimension: str
    place: str
    stands: Condition
    segment: bool
    """The place is a segment: coming from nowhere is then the rule."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The user left a place, and has not come back."""

    dimension: str
    place: str
    stands: Condition


@dataclass(frozen=True, slots=True)
class Happened:
    """An event."""

    event: str
    where: Condition | None


@dataclass(frozen=True, slots=True)
class OnDate:
    """A calendar day of the user's own, every year or once."""

    rule: DateTrigger

    @property
    def key(self) -> str:
        """The trigger as text: the same text, the same occasions."""
        rule = self.rule
        return f"date:{rule.fact}:{rule.offset}:{rule.at}:{rule.every}:{rule.leap_day}"


@dataclass(frozen=True, slots=True)
class OnSchedule:
    """Local minutes that are the same for everyone."""

    calendar: Calendar

    @property
    def key(self) -> str:
        """The trigger as text: the same text, the same occasions."""
        return self.calendar.key


@dataclass(frozen=True, slots=True)
class Whenever:
    """A condition over facts and placements."""

    condition: Condition


Trigger = Enter | Leave | Happened | OnDate | OnSchedule | Whenever


@dataclass(frozen=True, slots=True)
class Send:
    """A message by the first of ``channels`` that the gates let through."""

    channels: tuple[str, ...]
    template: str
    coupon: str | None
    between: str | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A time in milliseconds."""

    duration: int


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """The next time the user's own clock shows this."""

    time: LocalTime


@dataclass(frozen=True, slots=True)
class WaitFor:
    """An event, or a time-out in milliseconds and then the step ``otherwise``."""

    event: str
    timeout: int
    otherwise: int


@dataclass(frozen=True, slots=True)
class Branch:
    """The first arm that holds; ``otherwise`` for everyone else."""

    arms: tuple[tuple[Condition, int], ...]
    otherwise: int


@dataclass(frozen=True, slots=True)
class Grant:
    """A coupon code without a message."""

    coupon: str


@dataclass(frozen=True, slots=True)
class Exit:
    """The end, with a reason of the playbook's own."""

    reason: str


Act = Send | Wait | WaitUntil | WaitFor | Branch | Grant | Exit


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Steps to go to are indices; the number of steps stands for the end."""

    index: int
    id: str
    when: Condition | None
    act: Act


@dataclass(frozen=True)
class Playbook:
    """One version of one playbook."""

    name: str
    version: str
    path: str
    message_class: MessageClass
    priority: int
    reentry: Reentry
    expires: int
    """Milliseconds."""
    description: str
    trigger: Trigger
    audience: Condition | None
    exit_event: str | None
    exit_when: Condition | None
    steps: tuple[Step, ...]

    @property
    def has_exit(self) -> bool:
        """Tell whether anything but the last step ends an enrolment."""
        return self.exit_event is not None or self.exit_when is not None

    @property
    def concerns_everybody(self) -> bool:
        """Tell whether it can let in or out whom nothing happens to: then everybody is looked at when it is new."""
        return isinstance(self.trigger, Whenever) or (
            self.exit_when is not None and bool(self.exit_when.turning_points())
        )

    @property
    def waits_for(self) -> Iterator[tuple[int, WaitFor]]:
        """The steps that wait for an event, by index."""
        return ((step.index, step.act) for step in self.steps if isinstance(step.act, WaitFor))


@dataclass(frozen=True)
class Playbooks:
    """All playbooks of the brand, and its coupons."""

    playbooks: tuple[Playbook, ...] = ()
    coupons: Mapping[str, CouponSection] = field(default_factory=dict)

    def named(self, name: str) -> Playbook | None:
        """Return the playbook called ``name``, or None."""
        return next((playbook for playbook in self.playbooks if playbook.name == name), None)

    def turning_points(self) -> tuple[TurningPoint, ...]:
        """Return when time alone can let a user in or out: what ``due_at`` has to take into account.

        The audience of other triggers is looked at when the user is looked at anyway.
        """
        return tuple(dict.fromkeys(point for one in self._of_time() for point in one.turning_points()))

    def _of_time(self) -> Iterator[Condition]:
        for playbook in self.playbooks:
            if playbook.exit_when is not None:
                yield playbook.exit_when
            if isinstance(playbook.trigger, Whenever):
                yield playbook.trigger.condition
                if playbook.audience is not None:
                    yield playbook.audience
