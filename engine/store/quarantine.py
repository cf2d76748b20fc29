"""Quarantine: rows that could not be processed, each with a reason, retried after growing waits or on request.

Only this module's SQL writes ``quarantine``. A quarantined row becomes due at its ``retry_at``, so that it is retried
in the ordinary way; the stage that processes it removes it from quarantine.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.clock import DAY, HOUR, Instant
from engine.store.dialects import dialect_of
from engine.store.due import due_later
from engine.store.rowset import pack, rowset

FIRST_WAIT = HOUR
LONGEST_WAIT = DAY
A_FEW = 5
"""More bad rows in a row than this mean that the rows are not the problem."""


UNREADABLE = "row_unreadable"
"""The reason for rows whose values the database cannot process."""


class RowKind(StrEnum):
    """The kind of a quarantined row."""

    USER = "user"
    ENROLMENT = "enrolment"
    ACTION = "action"


_PLACES = {
    RowKind.USER: ("user_due", "user_id"),
    RowKind.ENROLMENT: ("enrolment", "id"),
    RowKind.ACTION: ("action", "id"),
}
"""The table and the key of the rows of each kind."""


class RowId(NamedTuple):
    """Identifies a row in quarantine."""

    kind: RowKind
    row_id: int


@dataclass(frozen=True, slots=True)
class BadRowFound:
    """A row to quarantine: the stage where it failed, the reason, and a detail without any of its values."""

    kind: RowKind
    row_id: int
    stage: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row in quarantine. Instants are UTC milliseconds; ``tries`` counts how often it failed."""

    kind: RowKind
    row_id: int
    stage: str
    reason: str
    detail: str
    since: Instant
    retry_at: Instant
    tries: int


_COLUMNS = "kind, row_id, stage, reason, detail, since, retry_at, tries"


def quarantine(connection: Connection, found: Sequence[BadRowFound], now: Instant) -> dict[int, Instant]:
    """Quarantine rows of one kind; return by id when each is retried: after an hour, then twice as long, up to a day.

    Users and enrolments become due again then. An action is leased by the caller, who sets its due time.
    """
    if not found:
        return {}
    _lock(connection, found[0].kind, [one.row_id for one in found])
    rows = rowset(dialect_of(connection), "rows", kind="TEXT", id="BIGINT", stage="TEXT", reason="TEXT", detail="TEXT")
    longer = f"CASE WHEN quarantine.tries > 4 THEN {LONGEST_WAIT} ELSE {FIRST_WAIT} * (1 << quarantine.tries) END"
    written = connection.execute(
        text(
            f"INSERT INTO quarantine ({_COLUMNS}) "
            f"SELECT r.kind, r.id, r.stage, r.reason, r.detail, :now, :first, 1 FROM {rows} AS r WHERE true "
            "ON CONFLICT (kind, row_id) DO UPDATE SET stage = excluded.stage, reason = excluded.reason, "
            f"detail = excluded.detail, retry_at = CAST(:now AS BIGINT) + {longer}, tries = quarantine.tries + 1 "
            "RETURNING row_id, retry_at"
        ),
        {
            "rows": pack([[one.kind, one.row_id, one.stage, one.reason, one.detail] for one in found]),
            "now": now,
            "first": now + FIRST_WAIT,
        },
    )
    until = {row_id: Instant(retry_at) for row_id, retry_at in written}
    for row_id, at in until.items():
        _due(connection, found[0].kind, row_id, at)
    return until


def read_quarantine(connection: Connection, limit: int) -> tuple[Quarantined, ...]:
    """Return up to ``limit`` quarantined rows, oldest first."""
    query = text(f"SELECT {_COLUMNS} FROM quarantine ORDER BY since, kind, row_id LIMIT :limit")
    return tuple(Quarantined(RowKind(row[0]), *row[1:]) for row in connection.execute(query, {"limit": limit}))


def retry_now(connection: Connection, now: Instant, only: Collection[RowId] | None = None) -> dict[RowKind, list[int]]:
    """Make quarantined rows due at once, all of them or ``only`` these; return their ids by kind.

    Actions among them are left to the caller, because only the ledger writes actions.
    """
    found = [
        RowId(RowKind(kind), row_id) for kind, row_id in connection.execute(text("SELECT kind, row_id FROM quarantine"))
    ]
    chosen = sorted(one for one in found if only is None or one in only)
    for each in RowKind:
        _lock(connection, each, [row_id for kind, row_id in chosen if kind is each])
    for kind, row_id in chosen:
        _due(connection, kind, row_id, now)
        retried = text("UPDATE quarantine SET retry_at = :now WHERE kind = :kind AND row_id = :id")
        connection.execute(retried, {"now": now, "kind": kind.value, "id": row_id})
    return {kind: [row_id for one, row_id in chosen if one is kind] for kind in RowKind}


def _lock(connection: Connection, kind: RowKind, ids: Collection[int]) -> None:
    """Lock rows in the order of their ids, and before their rows of ``quarantine``, as the stages that process them do.

    The kinds are in the order in which all transactions lock them.
    """
    if not ids:
        return
    table, key = _PLACES[kind]
    rows = rowset(dialect_of(connection), "rows", id="BIGINT")
    these = f"SELECT t.{key} FROM {table} AS t WHERE t.{key} IN (SELECT r.id FROM {rows} AS r) ORDER BY t.{key}"
    dialect_of(connection).lock_selected(connection, these, "t", {"rows": pack([[row_id] for row_id in ids])})


def _due(connection: Connection, kind: RowKind, row_id: int, at: Instant) -> None:
    if kind is RowKind.USER:
        due_later(connection, row_id, at)
    elif kind is RowKind.ENROLMENT:
        due = text("UPDATE enrolment SET due_at = :at WHERE id = :id AND state = 'active'")
        connection.execute(due, {"id": row_id, "at": at})


def forget(connection: Connection, kind: RowKind, worked: str) -> int:
    """Remove from quarantine the rows of ``kind`` whose ``row_id`` is in the SQL query ``worked``."""
    these = f"SELECT q.row_id FROM quarantine AS q WHERE q.kind = :kind AND q.row_id IN ({worked}) ORDER BY q.row_id"
    dialect_of(connection).lock_selected(connection, these, "q", {"kind": kind.value})
    return connection.execute(
        text(f"DELETE FROM quarantine WHERE kind = :kind AND row_id IN ({worked})"), {"kind": kind.value}
    ).rowcount


def forget_passed(connection: Connection, now: Instant) -> int:
    """Remove from quarantine the enrolments that advanced or ended when they were retried."""
    over = (
        f"SELECT q.row_id FROM quarantine AS q WHERE q.kind = '{RowKind.ENROLMENT}' AND q.retry_at <= :now"
        " AND NOT EXISTS (SELECT 1 FROM enrolment AS n WHERE n.id = q.row_id AND n.state = 'active'"
        " AND n.due_at <= :now)"
    )
    if connection.execute(text(f"{over} LIMIT 1"), {"now": now}).first() is None:
        return 0
    these = f"SELECT o.row_id FROM quarantine AS o WHERE o.kind = '{RowKind.ENROLMENT}' AND o.row_id IN ({over})"
    dialect_of(connection).lock_selected(connection, f"{these} ORDER BY o.row_id", "o", {"now": now})
    statement = text(f"DELETE FROM quarantine WHERE kind = '{RowKind.ENROLMENT}' AND row_id IN ({over})")
    return connection.execute(statement, {"now": now}).rowcount


def put_back(connection: Connection, kind: RowKind, ids: Collection[int], now: Instant) -> None:
    """Remove these rows from quarantine, because they were not the problem, and make them due at ``now``."""
    _lock(connection, kind, ids)
    for row_id in ids:
        _due(connection, kind, row_id, now)
    rows = rowset(dialect_of(connection), "rows", id="BIGINT")
    statement = text(f"DELETE FROM quarantine WHERE kind = :kind AND row_id IN (SELECT r.id FROM {rows} AS r)")
    connection.execute(statement, {"kind": kind.value, "rows": pack([[row_id] for row_id in ids])})
