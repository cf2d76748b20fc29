"""Refresh: all facts of the users in ``due_user``, and when time alone will change them next, in one statement.

The statement is made of layers, each a subquery of the next: aggregates of events; attributes and look-ups beside
them; then, level by level, facts that are computed from facts; at last ``edge_at``.
"""

from sqlalchemy import Connection

from engine.clock import NEVER, Instant
from engine.conditions import earliest_sql
from engine.content.kinds import FactType
from engine.facts.aggregates import (
    Reading,
    aggregate_sql,
    aggregated,
    latest_sql,
    looked_up,
    next_event_sql,
    now_sql,
    window_edge_sql,
)
from engine.facts.files import BUILT_IN_ATTRIBUTES
from engine.facts.model import Fact, FactCatalog
from engine.facts.scores import quantiles, read_cuts, score_sql
from engine.facts.values import json_value
from engine.store.dialect import Dialect, least
from engine.store.statement import statement
from engine.store.temporary import DUE_USER

_EXACT = 2**53


class Refresh:
    """Writes ``fact_*``, ``edge_at`` and ``refreshed_at`` of the users in ``due_user``."""

    def __init__(self, catalog: FactCatalog, dialect: Dialect) -> None:
        self._catalog = catalog
        self._dialect = dialect
        self._statement = statement(_update(catalog, dialect))

    def run(self, connection: Connection, now: Instant) -> None:
        """Refresh the users in ``due_user`` as of ``now``; they must have a row of ``user_state``."""
        binds: dict[str, float | None] = {"now": now}
        if scores := quantiles(self._catalog):
            binds |= read_cuts(connection).binds(scores)
        connection.execute(self._statement, binds)


def _update(catalog: FactCatalog, dialect: Dialect) -> str:
    columns = [fact.column for fact in catalog.facts.values()]
    changes = ", ".join(f"{column} = f.{column}" for column in (*columns, "edge_at"))
    return (
        f"UPDATE user_state SET {changes}, refreshed_at = {now_sql(dialect)}"
        f" FROM ({facts_sql(catalog, dialect)}) f WHERE user_state.user_id = f.user_id"
    )


def facts_sql(catalog: FactCatalog, dialect: Dialect) -> str:
    """Return the query for ``user_id``, all ``fact_*`` and ``edge_at`` of the users in ``due_user``."""
    layer = _beside(catalog, dialect, _aggregates(catalog, dialect))
    levels: dict[int, list[Fact]] = {}
    for fact in catalog.facts.values():
        levels.setdefault(catalog.level(fact), []).append(fact)
    for level in sorted(levels.keys() - {0}):
        computed = ", ".join(f"{_computed(fact, dialect)} AS {fact.column}" for fact in levels[level])
        layer = f"SELECT s.*, {computed} FROM ({layer}) s"
    points = dict.fromkeys(
        point for fact in catalog.facts.values() if fact.expression for point in fact.expression.turning_points()
    )
    edges = [f"coalesce(s.window_edge, {NEVER})", f"coalesce(s.next_event, {NEVER})"]
    if points:
        edges.append(earliest_sql(tuple(points), dialect))
    return f"SELECT s.*, {least(dialect, *edges)} AS edge_at FROM ({layer}) s"


def _aggregates(catalog: FactCatalog, dialect: Dialect) -> str:
    """Return the layer that reads the events: one range of their index for each user."""
    facts = aggregated(catalog)
    reading = Reading.of(catalog)
    if not reading.used:
        return f"SELECT d.user_id, CAST(NULL AS BIGINT) AS window_edge FROM {DUE_USER} d"
    edge = window_edge_sql([*facts, *looked_up(catalog)], dialect) or "CAST(NULL AS BIGINT)"
    columns = [f"{aggregate_sql(fact, catalog, dialect, several=reading.several)} AS {fact.column}" for fact in facts]
    return (
        f"SELECT {', '.join(('d.user_id', *columns, f'{edge} AS window_edge'))}"
        f" FROM {DUE_USER} d LEFT JOIN event e ON e.user_id = d.user_id{reading.used_sql()}"
        f" AND e.at <= {now_sql(dialect)} GROUP BY d.user_id"
    )


def _beside(catalog: FactCatalog, dialect: Dialect, aggregates: str) -> str:
    attributes = [fact for fact in catalog.facts.values() if fact.source == "attribute"]
    columns = [f"{_attribute(fact, dialect)} AS {fact.column}" for fact in attributes]
    columns += [f"{latest_sql(fact, catalog, dialect, 'a.user_id')} AS {fact.column}" for fact in looked_up(catalog)]
    columns.append(f"{next_event_sql(Reading.of(catalog), dialect, 'a.user_id')} AS next_event")
    users = " LEFT JOIN users u ON u.id = a.user_id" if attributes else ""
    return f"SELECT a.*, {', '.join(columns)} FROM ({aggregates}) a{users}"


def _attribute(fact: Fact, dialect: Dialect) -> str:
    name = str(fact.section.attribute)
    return f"u.{name}" if name in BUILT_IN_ATTRIBUTES else json_value(dialect, "u.attributes", name, fact.type)


def _computed(fact: Fact, dialect: Dialect) -> str:
    if fact.expression is None:
        return score_sql(fact, dialect)
    value = fact.expression.sql(dialect)
    if fact.type is FactType.INTEGER:
        # Products may outgrow what both databases hold exactly.
        return f"(CASE WHEN {value} BETWEEN -{_EXACT} AND {_EXACT} THEN CAST({value} AS BIGINT) END)"
    return f"CAST({value} AS {fact.state_column.sql_type})" if dialect is Dialect.POSTGRES else value
