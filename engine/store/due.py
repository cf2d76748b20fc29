"""When users are evaluated next, and why: the only SQL that writes ``due_at`` and ``due_cause``.

``due_cause`` is set when a user becomes due for any reason but time, and cleared by the evaluation. A pending cause is
replaced only by a stronger one, in this order:

1. ``behaviour``: users who did something since their last evaluation are evaluated for that, whatever else changed. An
   edit of the rules must not suppress the message about an order placed in the same hour.
2. ``rules``, then ``scores``: nothing else about these users has changed.
3. ``time``: a user whose instant has come is due for that reason, and an import does not change it.
4. ``merge``, ``person``, ``import``.
"""

import json
from collections.abc import Collection, Mapping
from enum import StrEnum

from sqlalchemy import Connection

from engine.clock import DAY, NEVER, Instant
from engine.store.dialects import Dialect, dialect_of
from engine.store.statement import statement

DUE_AT_ONCE = 0
"""A ``due_at`` that is always in the past."""
HISTORY = 30 * DAY
"""An event received longer than this after it happened is imported history, not behaviour."""


class Cause(StrEnum):
    """Why a user is evaluated, and so why they moved."""

    BEHAVIOUR = "behaviour"
    """The user did something, or is new."""
    TIME = "time"
    """A window, lock or grace ended."""
    RULES = "rules"
    """Facts, dimensions or playbooks were edited."""
    SCORES = "scores"
    """A calibration changed the cut points."""
    IMPORT = "import"
    """An import changed a known user, or added events that happened long ago."""
    MERGE = "merge"
    """Two users were merged."""
    PERSON = "person"
    """A person decided it."""


ANSWERED = (Cause.BEHAVIOUR, Cause.TIME)
"""The causes that triggers respond to by default."""

CAUSE_SQL = (
    f"CASE WHEN due_cause IN ('{Cause.RULES}', '{Cause.SCORES}') AND EXISTS (SELECT 1 FROM event AS e"
    " WHERE e.user_id = user_state.user_id AND e.at > user_state.refreshed_at AND e.at <= :now"
    f" AND e.at > :now - {HISTORY}) THEN '{Cause.BEHAVIOUR}'"
    f" ELSE coalesce(due_cause, CASE WHEN refreshed_at IS NULL THEN '{Cause.BEHAVIOUR}' ELSE '{Cause.TIME}' END) END"
)
"""SQL of a due user's cause, over ``user_state``. Users who have never been evaluated are new, whatever else changed.

A scheduled event sets no cause when it happens, so an edit or a calibration that comes first must not hide it.
"""

_STRENGTH = (Cause.BEHAVIOUR, Cause.RULES, Cause.SCORES, Cause.TIME, Cause.MERGE, Cause.PERSON, Cause.IMPORT)


def make_states(connection: Connection, dialect: Dialect, users: Collection[int]) -> None:
    """Create a row of ``user_state``, due at once, for those of ``users`` who have none."""
    made = (
        f"INSERT INTO user_state (user_id, due_at, due_cause) SELECT CAST(k.value AS bigint), {DUE_AT_ONCE},"
        f" '{Cause.BEHAVIOUR}' FROM {dialect.elements('ids')} WHERE true ORDER BY 1 ON CONFLICT (user_id) DO NOTHING"
    )
    connection.execute(statement(made), {"ids": json.dumps(list(users))})


def make_missing_states(connection: Connection) -> None:
    """Create a row of ``user_state``, due at once, for every user who has none."""
    connection.execute(
        statement(
            f"INSERT INTO user_state (user_id, due_at, due_cause) SELECT u.id, {DUE_AT_ONCE}, '{Cause.BEHAVIOUR}'"
            " FROM users u WHERE NOT EXISTS (SELECT 1 FROM user_state s WHERE s.user_id = u.id) ORDER BY u.id"
            " ON CONFLICT (user_id) DO NOTHING"
        )
    )


def due_at_once(connection: Connection, dialect: Dialect, users: Collection[int], cause: Cause, now: Instant) -> None:
    """Make ``users`` due at once; create rows of ``user_state`` for those who have none."""
    make_states(connection, dialect, users)
    these = f"s.user_id IN (SELECT CAST(k.value AS bigint) FROM {dialect.elements('ids')})"
    _mark(connection, these, cause, now, {"ids": json.dumps(list(users))})


def due_where(connection: Connection, condition: str, cause: Cause, now: Instant, binds: Mapping[str, object]) -> None:
    """Make users due at once if ``condition`` over ``user_state AS s`` holds for them."""
    _mark(connection, condition, cause, now, binds)


def due_everybody(connection: Connection, cause: Cause, now: Instant | None) -> None:
    """Make everybody due at once. Without ``now``, everybody who has a ``due_at`` counts as already due for their cause."""
    _mark(connection, "TRUE", cause, now, {})


def due_by_events(connection: Connection, fresh: str, now: Instant) -> None:
    """Make users due no later than at their earliest new event.

    ``fresh`` is a table ``(user_id, at, newest)`` with the instants of each user's earliest and latest new event.
    """
    told = f"CASE WHEN f.newest <= :now - {HISTORY} THEN '{Cause.IMPORT}' ELSE '{Cause.BEHAVIOUR}' END"
    # A future event counts when it happens; until then the user may be due for other reasons.
    those = f"SELECT s.user_id FROM user_state AS s JOIN {fresh} AS f ON f.user_id = s.user_id ORDER BY s.user_id"
    dialect_of(connection).lock_selected(connection, those, "s")
    news = f"f.newest > :now - {HISTORY} AND f.at <= :now AND coalesce(s.due_cause, '') <> '{Cause.BEHAVIOUR}'"
    pending = f"s.due_at <= :now AND f.newest <= :now - {HISTORY}"
    connection.execute(
        statement(
            "UPDATE user_state AS s SET due_at = CASE WHEN f.at < s.due_at THEN f.at ELSE s.due_at END,"
            f" due_cause = CASE WHEN {pending} THEN s.due_cause ELSE {told} END"
            f" FROM {fresh} f WHERE s.user_id = f.user_id AND (f.at < s.due_at OR {news})"
        ),
        {"now": now},
    )


def due_again(connection: Connection, again: str, binds: Mapping[str, object]) -> None:
    """Make users due no later than at the instants of the query ``again`` (``user_id``, ``again``), for ``time``.

    ``binds`` includes ``now``; past instants are ignored. The users are those of the caller's chunk, who are locked already,
    so this waits for nobody; only an occasion whose exits are paused has others, and is repeated if it meets a chunk.
    """
    connection.execute(
        statement(
            f"UPDATE user_state SET due_at = r.again FROM ({again}) AS r"
            " WHERE user_state.user_id = r.user_id AND r.again > :now AND r.again < user_state.due_at"
        ),
        binds,
    )


def due_later(connection: Connection, user: int, at: Instant) -> None:
    """Postpone the evaluation of one user; the cause stays."""
    connection.execute(statement("UPDATE user_state SET due_at = :at WHERE user_id = :user"), {"at": at, "user": user})


def evaluated(due_at: str, edge_at: str) -> dict[str, str]:
    """Return column -> SQL, over ``user_state AS s``, of the values that an evaluation sets.

    ``due_at`` is SQL of the next instant, ``edge_at`` of the next instant at which facts change. If another transition
    already matches, the user is due again right away, for the same cause.
    """
    return {"due_at": due_at, "due_cause": f"CASE WHEN {edge_at} <= :now + 1 THEN s.due_cause END"}


def _mark(
    connection: Connection,
    condition: str,
    cause: Cause,
    now: Instant | None,
    binds: Mapping[str, object],
) -> None:
    """Make users due at once; those who are new, or due at ``now`` for a stronger cause, keep their cause."""
    stronger = ", ".join(f"'{other}'" for other in _STRENGTH[: _STRENGTH.index(cause)])
    keeps = f"s.refreshed_at IS NULL OR s.due_at <= :now AND coalesce(s.due_cause, '{Cause.TIME}') IN ({stronger})"
    these = f"({condition}) AND NOT (s.due_at = {DUE_AT_ONCE} AND ({keeps}))"
    marking = (
        f"UPDATE user_state AS s SET due_at = {DUE_AT_ONCE},"
        f" due_cause = CASE WHEN {keeps} THEN s.due_cause ELSE '{cause}' END"
        f" WHERE {dialect_of(connection).where_locked('user_state', 's', 'user_id', these)}"
    )
    connection.execute(statement(marking), {**binds, "now": NEVER if now is None else now})
