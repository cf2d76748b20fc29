"""The kinds of triggers and steps that playbooks can use."""

from dataclasses import dataclass

from engine.errors import HabitueError
from engine.playbooks.steps import STEPS
from engine.playbooks.steps.base import StepKind
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.base import TriggerKind


@dataclass(frozen=True)
class PlaybookKinds:
    """Trigger kinds and step kinds; by default those that ship with the program.

    Raises:
        HabitueError: two kinds have the same key.
    """

    triggers: tuple[TriggerKind, ...] = TRIGGERS
    steps: tuple[StepKind, ...] = STEPS

    def __post_init__(self) -> None:
        """Check that no two kinds have the same key."""
        _check_keys("trigger", [kind.key for kind in self.triggers])
        _check_keys("step", [kind.key for kind in self.steps])


def _check_keys(noun: str, keys: list[str]) -> None:
    twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
    if twice is not None:
        raise HabitueError(f"two kinds of {noun} have the key `{twice}`: one of them comes from an installed package")


SHIPPED_KINDS = PlaybookKinds()
