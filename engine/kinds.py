"""Everything that can be extended (channels, adapters, gates, …) as one frozen value that the app is given."""

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
"""Group of entry points with which installed packages add kinds; each refers to a ``Kinds``."""


@dataclass(frozen=True)
class Kinds:
    """The kinds that the program knows. If order matters, it is the order of the tuple."""

    channels: tuple[Channel, ...] = ()
    adapters: tuple[AdapterKind, ...] = ()
    fact_sources: tuple[FactSourceKind, ...] = ()
    gates: tuple[Gate[Any], ...] = ()
    triggers: tuple[TriggerKind, ...] = ()
    steps: tuple[StepKind, ...] = ()

    def __add__(self, more: "Kinds") -> "Kinds":
        """Return these kinds followed by ``more``."""
        added = {field.name: (*getattr(self, field.name), *getattr(more, field.name)) for field in fields(self)}
        return replace(self, **added)

    @cached_property
    def reasons(self) -> Reasons:
        """All reasons: those of the program's layers and those of all kinds.

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
    """Return the kinds that ship with the program and those that installed packages add.

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
