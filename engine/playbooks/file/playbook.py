"""A playbook, compiled: trigger, audience, exits and steps, with conditions that know their SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.conditions.condition import Condition
from engine.conditions.turning import TurningPoint
from engine.incentives.form import CouponSection
from engine.playbooks.file.head import PlaybookHead
from engine.playbooks.steps.base import Act
from engine.playbooks.triggers.base import Trigger


@dataclass(frozen=True, slots=True)
class Step:
    """One step; the file's order is the order of ``index``."""

    index: int
    id: str
    when: Condition | None
    act: Act

    @property
    def targets(self) -> frozenset[int]:
        """The steps that can come next, by index; the number of steps means the end."""
        passed_over = () if self.when is None else (self.index + 1,)
        return frozenset((*passed_over, *self.act.targets(self.index)))


@dataclass(frozen=True)
class Playbook(PlaybookHead):
    """One version of one playbook."""

    trigger: Trigger
    audience: Condition | None
    exit_event: str | None
    exit_when: Condition | None
    steps: tuple[Step, ...]

    @property
    def has_exit(self) -> bool:
        """Whether an enrolment can end other than by a step."""
        return self.exit_event is not None or self.exit_when is not None

    @property
    def waits(self) -> Iterator[tuple[int, str]]:
        """Index and event of each step that waits for an event."""
        return ((step.index, step.act.waits_for) for step in self.steps if step.act.waits_for is not None)

    def turning_points(self) -> Iterator[TurningPoint]:
        """Yield the instants at which time alone can let a user in or out.

        The audience counts only if the trigger is a condition; otherwise it is evaluated when something happens.
        """
        conditions = [self.exit_when, *self.trigger.conditions]
        if self.trigger.conditions:
            conditions.append(self.audience)
        for condition in conditions:
            if condition is not None:
                yield from condition.turning_points()


@dataclass(frozen=True)
class Playbooks:
    """All playbooks and coupons of the brand."""

    playbooks: tuple[Playbook, ...] = ()
    coupons: Mapping[str, CouponSection] = field(default_factory=dict)

    @property
    def open(self) -> tuple[Playbook, ...]:
        """Those that users can enter: all but the retired ones."""
        return tuple(playbook for playbook in self.playbooks if not playbook.retired)

    def named(self, name: str) -> Playbook | None:
        """Return the playbook called ``name``, or None."""
        return next((playbook for playbook in self.playbooks if playbook.name == name), None)

    def max_segments(self) -> Mapping[str, int]:
        """Return playbook -> how many segments its text messages may have, of those that say so."""
        return {one.name: one.max_segments for one in self.playbooks if one.max_segments is not None}

    def turning_points(self) -> tuple[TurningPoint, ...]:
        """Return the points at which time alone can let a user in or out of any playbook; ``due_at`` is never later."""
        return tuple(dict.fromkeys(point for playbook in self.open for point in playbook.turning_points()))
