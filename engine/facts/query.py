"""The facts of the users in ``due_user``, and when time alone will next change them, as one query.

The query consists of layers, each a subquery of the next: aggregates of events; other values of the user; then,
level by level, facts computed from facts; finally ``edge_at``.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from engine.clock import NEVER, Instant
from engine.conditions import earliest_sql
from engine.facts.events import EventRange, next_event_sql, window_edge_sql
from engine.facts.model import Fact, FactCatalog
from engine.facts.sources.base import Layer, SqlContext
from engine.store.dialects import Dialect
from engine.store.statement import statement
from engine.store.temporary import DUE_USER

_MANY = 1_000
"""Of fewer users, databases look up the events of each."""


class UserSpan(NamedTuple):
    """Two ids of users, and all that are between them."""

    first: int
    last: int


def dense_span(connection: Connection) -> UserSpan | None:
    """Return the ids between which the users in ``due_user`` are, if these are many, and most of all users there."""
    query = statement(f"SELECT min(user_id), max(user_id), count(*) FROM {DUE_USER}")
    [(first, last, count)] = connection.execute(query).all()
    return UserSpan(first, last) if count >= _MANY and 2 * count > last - first else None


def facts_binds(connection: Connection, catalog: FactCatalog, now: Instant) -> dict[str, float | None]:
    """Return the binds of ``facts_sql`` as of ``now``."""
    binds: dict[str, float | None] = {"now": now}
    for kind, sources in catalog.by_kind().items():
        binds |= kind.binds(connection, sources)
    return binds


def facts_sql(catalog: FactCatalog, dialect: Dialect, among: UserSpan | None = None) -> str:
    """Return the query for ``user_id``, all ``fact_*`` and ``edge_at`` of the users in ``due_user``.

    ``among`` is given if these are nearly all users between two ids: then a database that merges them with an index of
    events reads that part of the index alone.
    """
    events = EventRange.of(catalog)
    context = SqlContext(dialect, several=events.several)
    layer = _of_user(catalog, context, events, _of_events(catalog, context, events, among))
    levels: dict[int, list[Fact]] = {}
    for fact in _in_layer(catalog, Layer.FACTS):
        levels.setdefault(catalog.level(fact), []).append(fact)
    for level in sorted(levels):
        layer = f"SELECT s.*, {', '.join(_columns(levels[level], context))} FROM ({layer}) s"
    return f"SELECT s.*, {_earliest_edge(catalog, context)} AS edge_at FROM ({layer}) s"


def _of_events(catalog: FactCatalog, context: SqlContext, events: EventRange, among: UserSpan | None) -> str:
    """Return the layer that reads the events: one range of the index for each user."""
    facts = _in_layer(catalog, Layer.EVENTS)
    if not events.used:
        return f"SELECT d.user_id, CAST(NULL AS BIGINT) AS window_edge FROM {DUE_USER} d"
    windows = [window for fact in catalog.facts.values() for window in fact.source.windows]
    edge = window_edge_sql(windows, context) or "CAST(NULL AS BIGINT)"
    # As literals: with binds, a plan could be kept that does not know how narrow they are.
    span = "" if among is None else f" AND e.user_id >= {among.first} AND e.user_id <= {among.last}"
    return (
        f"SELECT {', '.join(('d.user_id', *_columns(facts, context), f'{edge} AS window_edge'))}"
        f" FROM {DUE_USER} d LEFT JOIN event e ON e.user_id = d.user_id{events.used_sql()}"
        f" AND e.at <= {context.now}{span} GROUP BY d.user_id"
    )


def _of_user(catalog: FactCatalog, context: SqlContext, events: EventRange, aggregates: str) -> str:
    facts = _in_layer(catalog, Layer.USER)
    columns = [*_columns(facts, context), f"{next_event_sql(events, context)} AS next_event"]
    users = " LEFT JOIN users u ON u.id = a.user_id" if facts else ""
    return f"SELECT a.*, {', '.join(columns)} FROM ({aggregates}) a{users}"


def _in_layer(catalog: FactCatalog, layer: Layer) -> list[Fact]:
    return [fact for fact in catalog.facts.values() if fact.source.layer is layer]


def _columns(facts: Iterable[Fact], context: SqlContext) -> list[str]:
    """Return the facts as columns, each followed by its edge if it has one of its own."""
    columns = []
    for fact in facts:
        columns.append(f"{fact.source.sql(context)} AS {fact.column}")
        if (edge := fact.source.edge(context)) is not None:
            columns.append(f"{edge} AS {_edge_column(fact)}")
    return columns


def _edge_column(fact: Fact) -> str:
    return f"edge_{fact.name}"


def _earliest_edge(catalog: FactCatalog, context: SqlContext) -> str:
    facts = catalog.facts.values()
    own = [_edge_column(fact) for fact in facts if fact.source.edge(context) is not None]
    edges = [f"coalesce(s.{column}, {NEVER})" for column in ("window_edge", "next_event", *own)]
    points = dict.fromkeys(point for fact in facts for point in fact.source.turning_points)
    if points:
        edges.append(earliest_sql(tuple(points), context.dialect))
    return context.dialect.least(*edges)
