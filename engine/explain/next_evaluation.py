"""When a user is evaluated next, and why."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from engine.clock import NEVER, Instant
from engine.conditions.turning import TurningPoint
from engine.conditions.words import words
from engine.content.values import span
from engine.explain.models import NextEvaluation
from engine.loading import Content
from engine.rules.dimension import Dimension
from engine.store.dialects import Dialect, dialect_of
from engine.store.due import DUE_AT_ONCE
from engine.store.statement import statement

_DUE = text(
    "SELECT t.due_at, t.evaluated_at, n.news_at FROM"
    " (SELECT min(due_at) AS news_at FROM user_news WHERE user_id = :user_id) AS n"
    " LEFT JOIN user_due AS t ON t.user_id = :user_id"
)
_NEWS = text(
    "SELECT DISTINCT e.name FROM user_news AS n JOIN event AS e ON e.user_id = n.user_id AND e.at = n.due_at"
    " WHERE n.user_id = :user_id ORDER BY e.name LIMIT 5"
)
_EVENTS = text("SELECT DISTINCT name FROM event WHERE user_id = :user_id AND at = :at ORDER BY name LIMIT 5")

Term = tuple[str, str]
"""SQL of an instant, and what happens then."""


def next_evaluation(connection: Connection, content: Content, user_id: int, now: Instant) -> NextEvaluation | None:
    """Return when the user is due and why, as far as is known at ``now``; None if nothing has made them due yet."""
    row = connection.execute(_DUE, {"user_id": user_id}).one()
    if row.due_at is None and row.news_at is None:
        return None
    due_at = NEVER if row.due_at is None else row.due_at
    if row.news_at is not None:
        due_at = DUE_AT_ONCE if row.news_at <= now else min(row.news_at, due_at)
    evaluated_at = None if row.evaluated_at is None else Instant(row.evaluated_at)
    return NextEvaluation(Instant(due_at), evaluated_at, _why(connection, content, user_id, due_at, evaluated_at))


def _why(
    connection: Connection, content: Content, user_id: int, due_at: int, evaluated_at: Instant | None
) -> tuple[str, ...]:
    if due_at >= NEVER:
        return ("nothing changes without new input",)
    if evaluated_at is None:
        return ("the user is new",)
    if due_at == DUE_AT_ONCE:
        return tuple(map(_event_words, connection.execute(_NEWS, {"user_id": user_id}).scalars())) or ("new input",)
    if due_at == evaluated_at + 1:
        return ("another transition already matches",)
    found = _terms_at(connection, content, user_id, due_at, evaluated_at)
    events = connection.execute(_EVENTS, {"user_id": user_id, "at": due_at}).scalars()
    found += map(_event_words, events)
    return tuple(found) or ("new input",)


def _terms_at(connection: Connection, content: Content, user_id: int, due_at: int, evaluated_at: Instant) -> list[str]:
    """Return what happens at ``due_at``, computed as of the instant at which it was set."""
    terms = list(_terms(content, dialect_of(connection)))
    listed = ", ".join(f"{sql} AS t_{number}" for number, (sql, _) in enumerate(terms))
    query = statement(f"SELECT {listed} FROM user_state AS s WHERE s.user_id = :user_id")
    binds = {"user_id": user_id} | ({"now": evaluated_at} if ":now" in listed else {})
    row = connection.execute(query, binds).one()
    return list(dict.fromkeys(said for at, (_, said) in zip(row, terms, strict=True) if at == due_at))


def _event_words(name: str) -> str:
    return f"the event {name}"


def _terms(content: Content, dialect: Dialect) -> Iterator[Term]:
    yield "s.edge_at", "a scheduled event occurs, or an event leaves a fact's window"
    for dimension in content.rules.dimensions:
        for point in dimension.turning:
            yield point.sql(dialect), f"{_point_words(point)}, for {dimension.name}"
        yield from _slot_terms(dimension)
    for playbook in content.playbooks.open:
        for point in playbook.turning_points():
            yield point.sql(dialect), f"{_point_words(point)}, for the playbook {playbook.name}"


def _slot_terms(dimension: Dimension) -> Iterator[Term]:
    for slot in dimension.slots:
        name = slot.name.replace("__", ".")
        for place, length in slot.graces.items():
            yield f"s.{slot.wait} + {length}", f"the grace of {name} ({place}, {span(length)}) ends"
        for place, length in slot.locks.items():
            yield f"s.{slot.since} + {length}", f"the lock of {name} ({place}, {span(length)}) ends"


def _point_words(point: TurningPoint) -> str:
    since = words(point.since)
    return f"another day since {since}" if point.days is None else f"{point.days} days since {since}"
