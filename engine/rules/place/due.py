"""When a user is due next: the earliest instant at which anything can change without new input."""

import re
from collections.abc import Iterable, Mapping

from engine.clock import NEVER
from engine.conditions.sql import now_sql
from engine.conditions.turning import TurningPoint
from engine.rules.dimension import IN, Dimension, PlacementSlot
from engine.store.dialect import Dialect, greatest, least


class Due:
    """``due_at`` as SQL: the earliest of the facts' next edge, the turning points, and the ends of locks and graces."""

    def __init__(self, dimensions: Iterable[Dimension], further: Iterable[TurningPoint], dialect: Dialect) -> None:
        """``further``: turning points of conditions outside the rules, in triggers and exits of playbooks."""
        dimensions = tuple(dimensions)
        turning = dict.fromkeys([*(point for d in dimensions for point in d.turning), *further])
        terms = [f"coalesce({point.sql(dialect)}, {NEVER})" for point in turning]
        terms += [term for d in dimensions for slot in d.slots for term in _slot_terms(d, slot, dialect)]
        next_at = least(dialect, f"coalesce(s.edge_at, {NEVER})", *terms)
        # Whatever the terms say, a user who was just evaluated must not be due again at the same instant.
        self._sql = greatest(dialect, next_at, f"{now_sql(dialect)} + 1")

    def sql(self, new: Mapping[str, str]) -> str:
        """Return ``due_at`` over ``user_state AS s``; ``new`` has the SQL of columns that the same statement sets."""
        return re.sub(r"\bs\.(\w+)", lambda column: new.get(column[1], column[0]), self._sql)


def _slot_terms(dimension: Dimension, slot: PlacementSlot, dialect: Dialect) -> list[str]:
    """Return SQL for the instants at which a running lock or grace of the slot ends.

    A grace runs only while ``wait_`` is set. A segment's lock counts even for users outside the segment, because an
    extra evaluation is cheap.
    """
    now = now_sql(dialect)
    ends = [("TRUE", f"s.{slot.wait} + {length}") for length in sorted(set(slot.graces.values()))]
    for place, length in slot.locks.items():
        here = "TRUE" if place == IN else f"s.{dimension.place} = '{place}'"
        ends.append((here, f"s.{slot.since} + {length}"))
    return [f"coalesce(CASE WHEN {here} AND {end} > {now} THEN {end} END, {NEVER})" for here, end in ends]
