"""Claiming due actions: under a lease and with a fence, by channel, the most urgent first.

The index ``action_next`` is (channel, class, priority, due_at, id). Classes in reverse alphabetical order are in order
of urgency: transactional, service, marketing. Claiming goes through the few (class, priority) levels that have waiting
actions and reads one range of the index in each, so its cost depends on the actions claimed, not on those waiting.

Messages of paused classes and playbooks are passed over where they stand, by the table ``pause`` as of the claim itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from engine.actions.reasons import LedgerReason
from engine.actions.states import WAITING_SQL, State
from engine.store.dialects import Dialect
from engine.store.paused import Subject, SubjectScope, read_paused, stopped_names_sql
from engine.store.rowset import pack, rowset


class Claim(NamedTuple):
    """An action that this worker holds until its lease ends; results under an older ``fence`` are refused."""

    action_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class _Level:
    message_class: str
    priority: int


class Claims:
    """Claims actions from the store. ``lease`` is in milliseconds."""

    def __init__(self, dialect: Dialect, lease: int) -> None:
        self._lease = lease
        self._due = text(f"SELECT 1 FROM action WHERE {WAITING_SQL} AND due_at <= :now LIMIT 1")
        self._next_channel = text(
            f"SELECT channel FROM action WHERE {WAITING_SQL} AND channel > :after ORDER BY channel LIMIT 1"
        )
        self._first_level = text(_level_sql(""))
        self._next_level = text(_level_sql("AND (class, priority) < (:class, :priority)"))
        self._any = text(f"SELECT 1 FROM ({_due_sql(dialect)}) AS d")
        self._take = _take_statement(dialect)
        ids = rowset(dialect, "rows", id="BIGINT")
        self._log = text(
            "INSERT INTO action_event (action_id, at, state, reason, detail) "
            f"SELECT r.id, :now, '{State.CLAIMED}', '{LedgerReason.CLAIMED}', '' FROM {ids} AS r"
        )

    def anything_due(self, connection: Connection, now: int) -> bool:
        """Tell whether any waiting action is due: one index probe."""
        return connection.scalar(self._due, {"now": now}) is not None

    def channels(self, connection: Connection) -> list[str]:
        """Return the channels that have waiting actions, due or not: one index probe each."""
        found: list[str] = []
        while (channel := connection.scalar(self._next_channel, {"after": found[-1] if found else ""})) is not None:
            found.append(channel)
        return found

    def anything_to_take(self, connection: Connection, channel: str, now: int) -> bool:
        """Tell whether ``take`` would find anything: while much is paused, a look that keeps no writer waiting."""
        return any(
            connection.scalar(self._any, {**_place(channel, level), "now": now, "limit": 1}) is not None
            for level in self._levels(connection, channel)
        )

    def take(self, connection: Connection, channel: str, now: int, limit: int) -> list[Claim]:
        """Claim up to ``limit`` due actions of ``channel``, the most urgent first, and log it.

        Whether the channel itself is paused, or its adapter, is for the caller to know.
        """
        claims: list[Claim] = []
        for level in self._levels(connection, channel):
            found = connection.execute(
                self._take,
                {
                    **_place(channel, level),
                    "now": now,
                    "lease_until": now + self._lease,
                    "limit": limit - len(claims),
                },
            ).all()
            claims += [Claim(row.id, row.fence) for row in sorted(found, key=lambda row: (row.due_at, row.id))]
            if len(claims) >= limit:
                break
        if claims:
            connection.execute(self._log, {"rows": pack([[claim.action_id] for claim in claims]), "now": now})
        return claims

    def _levels(self, connection: Connection, channel: str) -> Iterator[_Level]:
        """Yield the levels that have waiting actions, without those of paused classes."""
        paused = read_paused(connection)
        row = connection.execute(self._first_level, {"channel": channel}).first()
        while row:
            level = _Level(*row)
            if Subject(SubjectScope.CLASS, level.message_class) not in paused.by:
                yield level
            row = connection.execute(self._next_level, _place(channel, level)).first()


def _level_sql(below: str) -> str:
    return (
        f"SELECT class, priority FROM action WHERE {WAITING_SQL} AND channel = :channel {below} "
        "ORDER BY class DESC, priority DESC LIMIT 1"
    )


def _place(channel: str, level: _Level) -> dict[str, object]:
    return {"channel": channel, "class": level.message_class, "priority": level.priority}


def _due_sql(dialect: Dialect) -> str:
    running = dialect.not_among("playbook", stopped_names_sql(SubjectScope.PLAYBOOK))
    return (
        f"SELECT id FROM action WHERE {WAITING_SQL} AND channel = :channel AND class = :class "
        f"AND priority = :priority AND due_at <= :now AND {running} ORDER BY due_at, id LIMIT :limit"
    )


def _take_statement(dialect: Dialect) -> TextClause:
    due = _due_sql(dialect)
    return text(
        f"UPDATE action SET state = '{State.CLAIMED}', reason = '{LedgerReason.CLAIMED}', fence = fence + 1, "
        f"lease_until = :lease_until, changed_at = :now WHERE id {dialect.among_free(due)} RETURNING id, fence, due_at"
    )
