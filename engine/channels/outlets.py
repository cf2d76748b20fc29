"""The adapters of a channel, and the platforms whose devices each of them serves."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.base import Adapter


@dataclass(frozen=True, slots=True)
class Outlet:
    """An adapter of a channel. ``platforms`` are those of the devices that it serves; empty if it serves any."""

    adapter: Adapter
    platforms: frozenset[str] = frozenset()

    def serves(self, platform: str) -> bool:
        """Tell whether it serves devices of ``platform``."""
        return not self.platforms or platform in self.platforms


def platforms_of(outlets: Sequence[Outlet]) -> frozenset[str] | None:
    """Return the platforms that ``outlets`` serve together; None if one of them serves any."""
    if not all(one.platforms for one in outlets):
        return None
    return frozenset().union(*(one.platforms for one in outlets))
