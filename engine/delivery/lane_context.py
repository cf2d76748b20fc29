"""What the lanes of all channels share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.actions.claims import Claims
from engine.clock import Clock
from engine.delivery.devices import DeviceBinding
from engine.delivery.gates.base import Gate
from engine.delivery.journal import Journal
from engine.delivery.load import Loader
from engine.delivery.pauses import PauseWatch
from engine.delivery.pending_message import GateContext
from engine.delivery.preparing import Composing
from engine.delivery.tally import Tally
from engine.settings import DeliverySettings


@dataclass(frozen=True)
class LaneContext:
    """What all lanes share.

    ``stopping`` tells whether the worker was asked to stop, ``superseded`` whether there is newer content than that of
    this loader and these templates; in both cases nothing more is claimed.
    """

    journal: Journal
    claims: Claims
    loader: Loader
    binding: Callable[[str], DeviceBinding]
    composing: Composing
    gates: Sequence[Gate[Any]]
    settings: DeliverySettings
    gate_context: Callable[[int], GateContext]
    clock: Clock
    tally: Tally
    pauses: PauseWatch
    stopping: Callable[[], bool]
    superseded: Callable[[], bool]
