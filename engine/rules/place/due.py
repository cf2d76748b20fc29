"""When a user is due next: the earliest instant at which anything can change without new input."""

from collections.abc import Iterable, Iterator, Mapping

from engine.clock import NEVER
from engine.conditions.sql import NOW
from engine.conditions.turning import TurningPoint
from engine.rules.dimension import IN, Dimension, PlacementSlot
from engine.store.dialects import Dialect


class Due:
    """``due_at`` as SQL: the earliest of the facts' next edge, the turning points, and the ends of locks and graces."""

    def __init__(self, dimensions: Iterable[Dimension], further: Iterable[TurningPoint], dialect: Dialect) -> None:
        """``further``: turning points of conditions outside the rules, in triggers and exits of playbooks."""
        self._dialect = dialect
        self._dimensions = tuple(dimensions)
        self._turning = tuple(dict.fromkeys([*(point for d in self._dimensions for point in d.turning), *further]))

    def sql(self, new: Mapping[str, str]) -> str:
        """Return ``due_at`` over ``user_state AS s``; ``new`` has the SQL of columns that the same statement sets."""
        instead = {f"s.{column}": value for column, value in new.items()}
        terms = [instead.get("s.edge_at", "s.edge_at")]
        terms += (point.sql(self._dialect, instead) for point in self._turning)
        terms += (term for d in self._dimensions for slot in d.slots for term in _slot_terms(d, slot, instead))
        next_at = self._dialect.least(*(f"coalesce({term}, {NEVER})" for term in terms))
        # Whatever a term says, a user who was just evaluated must not be due again at the same instant.
        return self._dialect.greatest(next_at, f"{NOW} + 1")


def _slot_terms(dimension: Dimension, slot: PlacementSlot, instead: Mapping[str, str]) -> Iterator[str]:
    """Yield SQL for the instants at which a running lock or grace of the slot ends.

    A grace runs only while ``wait_`` is set. A segment's lock counts even for users outside the segment, because an
    extra evaluation is cheap.
    """
    wait, since, place = (
        instead.get(f"s.{column}", f"s.{column}") for column in (slot.wait, slot.since, dimension.place)
    )
    ends = [("TRUE", f"{wait} + {length}") for length in sorted(set(slot.graces.values()))]
    for locked, length in slot.locks.items():
        here = "TRUE" if locked == IN else f"{place} = '{locked}'"
        ends.append((here, f"{since} + {length}"))
    return (f"CASE WHEN {here} AND {end} > {NOW} THEN {end} END" for here, end in ends)
