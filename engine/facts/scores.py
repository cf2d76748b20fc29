"""Facts that depend on cut points: computing them again, from facts that are already there, after a calibration."""

from collections.abc import Mapping

from sqlalchemy import Connection

from engine.clock import Instant
from engine.facts.model import Fact, FactCatalog
from engine.facts.query import facts_binds
from engine.facts.sources.base import SqlContext
from engine.store.dialects import Dialect
from engine.store.statement import statement
from engine.store.temporary import DUE_USER


class Scores:
    """The scores of a catalog, and the facts that are computed from them."""

    def __init__(self, catalog: FactCatalog, dialect: Dialect) -> None:
        self._catalog = catalog
        self._dialect = dialect
        levels: dict[int, list[Fact]] = {}
        for fact in _dependent(catalog):
            levels.setdefault(catalog.level(fact), []).append(fact)
        self._levels = tuple(levels[level] for level in sorted(levels))

    def changed_sql(self) -> str | None:
        """Return SQL over ``user_state AS s``: a score has another value by the newest cut points; None if there are none.

        Its binds are those of ``binds``.
        """
        changed = [self._differs(fact) for level in self._levels for fact in level]
        return " OR ".join(changed) if changed else None

    def binds(self, connection: Connection, now: Instant) -> Mapping[str, float | None]:
        """Return the newest cut points, and ``now``, as binds."""
        return facts_binds(connection, self._catalog, now)

    def write(self, connection: Connection, binds: Mapping[str, float | None]) -> None:
        """Compute the scores of the users of ``due_user`` again, level by level, and write those that differ."""
        for level in self._levels:
            values = ", ".join(f"{fact.column} = {self._value(fact)}" for fact in level)
            differ = " OR ".join(map(self._differs, level))
            connection.execute(
                statement(
                    f"UPDATE user_state AS s SET {values} WHERE s.user_id IN (SELECT user_id FROM {DUE_USER})"
                    f" AND ({differ})"
                ),
                binds,
            )

    def _value(self, fact: Fact) -> str:
        return fact.source.sql(SqlContext(self._dialect))

    def _differs(self, fact: Fact) -> str:
        return f"NOT ({self._dialect.same(f's.{fact.column}', self._value(fact))})"


def _dependent(catalog: FactCatalog) -> list[Fact]:
    """Return the facts that depend on cut points, in dependency order."""
    found: dict[str, Fact] = {}
    for fact in catalog.facts.values():
        if fact.source.calibrated or fact.source.needs & found.keys():
            found[fact.name] = fact
    return list(found.values())
