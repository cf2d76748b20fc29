"""Everything that can be extended (channels, adapters, gates, …) as one frozen value that the app is given."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib.metadata import entry_points
from itertools import chain
from typing import Any

from adapters.kinds import AdapterKind
from adapters.registry import ADAPTERS
from engine.actions.reasons import HandReason, LedgerReason, Reasons
from engine.channels import CHANNELS
from engine.channels.base import Channel
from engine.delivery.gates import GATES
from engine.delivery.gates.base import Gate
from engine.delivery.reasons import DeliveryReason
from engine.errors import HabitueError
from engine.facts.sources import FACT_SOURCES, FactSourceKind
from engine.inbox.adapter import INBOX_ADAPTER
from engine.messages.reasons import MessageReason
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.steps import STEPS
from engine.playbooks.steps.base import StepKind
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.base import TriggerKind
from engine.tasks.adapter import TASK_ADAPTER

ENTRY_POINTS = "habitue.kinds"
"""Group of entry points with which installed packages add kinds; each refers to a ``Kinds``."""


@dataclass(frozen=True)
class Kinds:
    """The kinds that the program knows. If order matters, it is the order of the tuple.

    Raises:
        HabitueError: two kinds of the same sort have the same name.
    """

    channels: tuple[Channel, ...] = ()
    adapters: tuple[AdapterKind, ...] = ()
    fact_sources: tuple[FactSourceKind, ...] = ()
    gates: tuple[Gate[Any], ...] = ()
    triggers: tuple[TriggerKind, ...] = ()
    steps: tuple[StepKind, ...] = ()

    def __post_init__(self) -> None:
        """Check that names are unique: otherwise only one of two kinds would ever be found."""
        for noun, names in (
            ("channels", [one.name for one in self.channels]),
            ("adapters", [one.name for one in self.adapters]),
            ("kinds of fact source", [one.name for one in self.fact_sources]),
            ("gates", [one.name for one in self.gates]),
            ("kinds of trigger", [one.key for one in self.triggers]),
            ("kinds of step", [one.key for one in self.steps]),
        ):
            twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
            if twice is not None:
                raise HabitueError(f"two {noun} have the name `{twice}`: one of them comes from an installed package")

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
        return Reasons(chain(LedgerReason, HandReason, MessageReason, PlaybookReason, DeliveryReason, *of_kinds))


SHIPPED = Kinds(
    channels=CHANNELS,
    adapters=(*ADAPTERS, INBOX_ADAPTER, TASK_ADAPTER),
    fact_sources=FACT_SOURCES,
    triggers=TRIGGERS,
    steps=STEPS,
    gates=GATES,
)
"""What ships with the program."""


def installed_kinds() -> Kinds:
    """Return the kinds that ship with the program and those that installed packages add.

    Raises:
        HabitueError: a package's entry point cannot be loaded or is not a ``Kinds``, or two kinds or two reasons have
            the same name.
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
    try:
        _ = kinds.reasons
    except ValueError as error:
        raise HabitueError(f"{error}: one of them comes from an installed package") from error
    return kinds
