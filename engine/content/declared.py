"""The declared types of imported values: the brand's facts declare them, and intake uses them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.content.value_types import ValueType


@dataclass(frozen=True, slots=True)
class ChannelAddress:
    """Where users' addresses on one channel are, and how they compare."""

    channel: str
    field: str
    """The column of ``users``, or the attribute, that has the address."""
    compared: Callable[[str], str | None]
    """Returns an address in the form in which the channel compares; None if nothing can be sent to it."""
    devices: bool = False
    """Whether the addresses are the tokens of users' devices."""


@dataclass(frozen=True)
class Declared:
    """Types of event properties and user attributes. Undeclared values are stored unchanged."""

    events: Mapping[str, Mapping[str, ValueType]] = field(default_factory=dict)
    """Event -> property -> type."""
    attributes: Mapping[str, ValueType] = field(default_factory=dict)
    currency_scale: int = 100
    """Minor units in one unit of the brand's currency."""
    currency: str = ""
    """ISO 4217; empty if unknown."""
    country: str = ""
    """The brand's (ISO 3166-1), for phone numbers without a country code; empty if unknown."""
    channels: tuple[ChannelAddress, ...] = ()
    """The channels for which a file of users can contain consents."""

    def digest(self) -> str:
        """Return a hash that changes whenever the same file would be read differently."""
        events = sorted((event, sorted(types.items())) for event, types in self.events.items())
        channels = tuple(one.channel for one in self.channels)
        text = repr((events, sorted(self.attributes.items()), self.currency_scale, self.currency, channels))
        text += self.country
        return hashlib.sha256(text.encode()).hexdigest()[:16]
