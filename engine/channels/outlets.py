"""The adapters of a channel, and the platforms whose devices each of them serves."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import Adapter
from engine.store.devices import UNKNOWN


@dataclass(frozen=True, slots=True)
class Outlet:
    """An adapter of a channel. ``platforms`` are those of the devices that it serves; empty if it serves any."""

    adapter: Adapter
    platforms: frozenset[str] = frozenset()

    def serves(self, platform: str) -> bool:
        """Tell whether it serves devices of ``platform``."""
        return not self.platforms or platform in self.platforms


def platforms_of(outlets: Sequence[Outlet]) -> frozenset[str] | None:
    """Return the platforms that ``outlets`` serve together; None if one of them serves any.

    A device of which the platform is not known can only be the adapter's if there is but one.
    """
    if not all(one.platforms for one in outlets):
        return None
    alone = {UNKNOWN} if len(outlets) == 1 else frozenset[str]()
    return frozenset(alone).union(*(one.platforms for one in outlets))
