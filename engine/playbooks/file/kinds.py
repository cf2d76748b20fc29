"""The kinds of triggers and steps that playbooks can use."""

from dataclasses import dataclass

from engine.playbooks.steps import STEPS
from engine.playbooks.steps.base import StepKind
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.base import TriggerKind


@dataclass(frozen=True)
class PlaybookKinds:
    """Trigger kinds and step kinds, no two with the same key; by default those that ship with the program."""

    triggers: tuple[TriggerKind, ...] = TRIGGERS
    steps: tuple[StepKind, ...] = STEPS


SHIPPED_KINDS = PlaybookKinds()
