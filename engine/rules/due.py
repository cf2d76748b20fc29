"""When a user is due next: the least instant at which anything can change without new input."""

from collections.abc import Iterable

from sqlalchemy import Connection

from engine.clock import NEVER, Instant
from engine.conditions.sql import now_sql
from engine.conditions.turning import TurningPoint
from engine.rules.dimension import Slot
from engine.rules.ruleset import RuleSet
from engine.store.dialect import Dialect, greatest, least
from engine.store.statement import statement
from engine.store.temporary import DUE_USER


class Due:
    """Sets ``due_at`` of the chunk's users, from the facts' own edge, turning points, locks and graces."""

    def __init__(self, rules: RuleSet, further: Iterable[TurningPoint], dialect: Dialect) -> None:
        """``further`` are turning points of conditions outside the rules: triggers and exits of playbooks."""
        turning = dict.fromkeys([*(point for d in rules.dimensions for point in d.turning), *further])
        terms = [f"coalesce({point.sql(dialect)}, {NEVER})" for point in turning]
        terms += [term for d in rules.dimensions for slot in d.slots for term in _slot_terms(slot, dialect)]
        next_at = least(dialect, f"coalesce(s.edge_at, {NEVER})", *terms)
        # Whatever a term says, a user who was just looked at is not due again at the same instant.
        self._sql = (
            f"UPDATE user_state AS s SET due_at = {greatest(dialect, next_at, f'{now_sql(dialect)} + 1')}"
            f" WHERE s.user_id IN (SELECT user_id FROM {DUE_USER})"
        )

    def run(self, connection: Connection, now: Instant) -> int:
        """Set ``due_at`` of the users in ``due_user``; return how many there are."""
        return connection.execute(statement(self._sql), {"now": now}).rowcount


def _slot_terms(slot: Slot, dialect: Dialect) -> list[str]:
    """Return SQL of the instants at which a running lock or grace of the slot ends.

    They are counted for every place that has one, whether the user stands there or not: a look too many is cheap.
    """
    now = now_sql(dialect)
    ends = [f"s.{slot.since} + {length}" for length in sorted(set(slot.locks.values()))]
    ends += [f"s.{slot.wait} + {length}" for length in sorted(set(slot.graces.values()))]
    return [f"coalesce(CASE WHEN {end} > {now} THEN {end} END, {NEVER})" for end in ends]
