"""The kinds of triggers and steps that playbooks can be made of."""

from dataclasses import dataclass

from engine.playbooks.steps import STEPS
from engine.playbooks.steps.base import StepKind
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.base import TriggerKind


@dataclass(frozen=True)
class PlaybookKinds:
    """What ships with the program, unless said otherwise."""

    triggers: tuple[TriggerKind, ...] = TRIGGERS
    steps: tuple[StepKind, ...] = STEPS


SHIPPED_KINDS = PlaybookKinds()
