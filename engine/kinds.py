"""Everything of which there can be more: one frozen value that the app is given, and that others can extend."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib.metadata import entry_points
from itertools import chain
from typing import Any

from adapters.kinds import AdapterKind
from adapters.registry import ADAPTERS
from engine.actions.reasons import LedgerReason, Reasons
from engine.channels import CHANNELS
from engine.channels.base import Channel
from engine.delivery.gates import GATES
from engine.delivery.gates.base import Gate
from engine.delivery.reasons import DeliveryReason
from engine.errors import HabitueError
from engine.facts.sources import FACT_SOURCES, FactSourceKind
from engine.messages.reasons import MessageReason
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.steps import STEPS
from engine.playbooks.steps.base import StepKind
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.base import TriggerKind

ENTRY_POINTS = "habitue.kinds"
"""Group of the entry points by which an installed package adds kinds; each names a ``Kinds`` of additions."""


@dataclass(frozen=True)
class Kinds:
    """The kinds that a program knows; where order matters, it is that of the tuple."""

    channels: tuple[Channel, ...] = ()
    adapters: tuple[AdapterKind, ...] = ()
    fact_sources: tuple[FactSourceKind, ...] = ()
    gates: tuple[Gate[Any], ...] = ()
    triggers: tuple[TriggerKind, ...] = ()
    steps: tuple[StepKind, ...] = ()

    def __add__(self, more: "Kinds") -> "Kinds":
        """Return these kinds with ``more`` behind them."""
        added = {field.name: (*getattr(self, field.name), *getattr(more, field.name)) for field in fields(self)}
        return replace(self, **added)

    @cached_property
    def reasons(self) -> Reasons:
        """All reasons: what the program's layers declare, and what kinds declare as their ``reasons``.

        Raises:
            ValueError: two declare the same word.
        """
        of_kinds = [getattr(kind, "reasons", ()) for field in fields(self) for kind in getattr(self, field.name)]
        return Reasons(chain(LedgerReason, MessageReason, PlaybookReason, DeliveryReason, *of_kinds))


SHIPPED = Kinds(
    channels=CHANNELS,
    adapters=ADAPTERS,
    fact_sources=FACT_SOURCES,
    triggers=TRIGGERS,
    steps=STEPS,
    gates=GATES,
)
"""What ships with the program."""


def installed_kinds() -> Kinds:
    """Return what ships with the program and what installed packages add to it.

    Raises:
        HabitueError: a package's entry point cannot be loaded, or is not a ``Kinds``.
    """
    kinds = SHIPPED
    for point in entry_points(group=ENTRY_POINTS):
        try:
            more = point.load()
        except Exception as error:
            raise HabitueError(f"the extension `{point.value}` cannot be loaded: {type(error).__name__}") from error
        if not isinstance(more, Kinds):
            raise HabitueError(f"the extension `{point.value}` is not an engine.kinds.Kinds")
        kinds += more
    return kinds
