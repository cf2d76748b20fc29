"""The declared types of imported values: the brand's facts declare them, and intake uses them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.content.value_types import ValueType


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
    channels: tuple[str, ...] = ()
    """The channels for which a file of users can contain consents."""

    def digest(self) -> str:
        """Return a hash that changes whenever the same file would be read differently."""
        events = sorted((event, sorted(types.items())) for event, types in self.events.items())
        text = repr((events, sorted(self.attributes.items()), self.currency_scale, self.currency, self.channels))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
