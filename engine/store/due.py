"""When users are looked at next, and why: the only SQL that writes ``due_at`` and ``due_cause``.

``due_cause`` is noted when a user is made due for another reason than the calendar, and taken away by the look. What
is pending already gives way to a stronger cause only:

1. ``behaviour``: whoever did something since the last look is looked at for that, whatever else has changed. An
   edit of the rules must not swallow the letter about an order of the same hour.
2. ``rules``, then ``scores``: everything else about these users is as it was.
3. the calendar: a user whose instant has come is due by ``time``, and a file about them does not change that.
4. ``merge``, ``person``, ``import``.
"""

import json
from collections.abc import Collection, Mapping
from enum import StrEnum

from sqlalchemy import Connection

from engine.clock import DAY, NEVER, Instant
from engine.store.dialect import Dialect
from engine.store.statement import statement

DUE_AT_ONCE = 0
"""A ``due_at`` that is always in the past."""
HISTORY = 30 * DAY
"""An event received longer than this after it happened is imported history, not behaviour."""


class Cause(StrEnum):
    """Why a user is looked at, and so why they moved."""

    BEHAVIOUR = "behaviour"
    """They did something, or are new."""
    TIME = "time"
    """A window, lock or grace ended."""
    RULES = "rules"
    """Facts, dimensions or playbooks were edited."""
    SCORES = "scores"
    """A calibration set other cut points."""
    IMPORT = "import"
    """A file said something else about a user who was known, or told of what happened long ago."""
    MERGE = "merge"
    """Two users turned out to be one."""
    PERSON = "person"
    """A person decided it."""


ANSWERED = (Cause.BEHAVIOUR, Cause.TIME)
"""The causes that triggers answer to unless they name others."""

CAUSE_SQL = (
    f"CASE WHEN due_cause IN ('{Cause.RULES}', '{Cause.SCORES}') AND EXISTS (SELECT 1 FROM event AS e"
    " WHERE e.user_id = user_state.user_id AND e.at > user_state.refreshed_at AND e.at <= :now"
    f" AND e.at > :now - {HISTORY}) THEN '{Cause.BEHAVIOUR}'"
    f" ELSE coalesce(due_cause, CASE WHEN refreshed_at IS NULL THEN '{Cause.BEHAVIOUR}' ELSE '{Cause.TIME}' END) END"
)
"""Why a due user is looked at, over ``user_state``: whom nothing has looked at yet is new, whatever the files say.

An event that had not happened at the last look leaves no mark, so an edit or a calibration that comes between must not
hide it.
"""

_STRENGTH = (Cause.BEHAVIOUR, Cause.RULES, Cause.SCORES, Cause.TIME, Cause.MERGE, Cause.PERSON, Cause.IMPORT)


def make_states(connection: Connection, dialect: Dialect, users: Collection[int]) -> None:
    """Give those of ``users`` who have none a row of ``user_state``, due at once."""
    made = (
        f"INSERT INTO user_state (user_id, due_at, due_cause) SELECT CAST(k.value AS bigint), {DUE_AT_ONCE},"
        f" '{Cause.BEHAVIOUR}' FROM {_listed(dialect)} WHERE true ORDER BY 1 ON CONFLICT (user_id) DO NOTHING"
    )
    connection.execute(statement(made), {"ids": json.dumps(list(users))})


def make_missing_states(connection: Connection, dialect: Dialect) -> None:
    """Give every user without one a row of ``user_state``, due at once."""
    ignoring = "" if dialect is Dialect.SQLITE else " ON CONFLICT DO NOTHING"
    connection.execute(
        statement(
            f"INSERT INTO user_state (user_id, due_at, due_cause) SELECT u.id, {DUE_AT_ONCE}, '{Cause.BEHAVIOUR}'"
            " FROM users u WHERE NOT EXISTS (SELECT 1 FROM user_state s WHERE s.user_id = u.id)" + ignoring
        )
    )


def due_at_once(connection: Connection, dialect: Dialect, users: Collection[int], cause: Cause, now: Instant) -> None:
    """Make ``users`` due at once; those who have no row of ``user_state`` get one."""
    make_states(connection, dialect, users)
    these = f"s.user_id IN (SELECT CAST(k.value AS bigint) FROM {_listed(dialect)})"
    _mark(connection, these, cause, now, {"ids": json.dumps(list(users))})


def due_where(connection: Connection, condition: str, cause: Cause, now: Instant, binds: Mapping[str, object]) -> int:
    """Make those due at once for whom ``condition`` over ``user_state AS s`` holds; return how many."""
    return _mark(connection, condition, cause, now, binds, counted=True)


def due_everybody(connection: Connection, cause: Cause, now: Instant | None) -> None:
    """Make everybody due at once; without ``now``, everybody who has an instant counts as due for what they have."""
    _mark(connection, "TRUE", cause, now, {})


def due_by_events(connection: Connection, fresh: str, now: Instant) -> None:
    """Make users due no later than at their earliest new event.

    ``fresh`` is a table ``(user_id, at, newest)``: the instants of each user's earliest and latest new event.
    """
    told = f"CASE WHEN f.newest <= :now - {HISTORY} THEN '{Cause.IMPORT}' ELSE '{Cause.BEHAVIOUR}' END"
    # An event of the future is news when it happens; until then the user may be due for other reasons.
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
    """Make users due by the calendar no later than the query ``again`` (``user_id``, ``again``) says.

    ``binds`` holds ``now``; an instant that has passed counts for nothing.
    """
    connection.execute(
        statement(
            f"UPDATE user_state SET due_at = r.again FROM ({again}) AS r"
            " WHERE user_state.user_id = r.user_id AND r.again > :now AND r.again < user_state.due_at"
        ),
        binds,
    )


def due_later(connection: Connection, user: int, at: Instant) -> None:
    """Put off the look at one user; its cause stays."""
    connection.execute(statement("UPDATE user_state SET due_at = :at WHERE user_id = :user"), {"at": at, "user": user})


def looked_at(due_at: str, edge_at: str) -> dict[str, str]:
    """Return column -> SQL, over ``user_state AS s``, of what a look leaves behind.

    ``due_at`` is SQL of the next instant, ``edge_at`` of the next one for which the facts ask. A user for whom another
    transition fits already is due again right away, and for the same cause.
    """
    return {"due_at": due_at, "due_cause": f"CASE WHEN {edge_at} <= :now + 1 THEN s.due_cause END"}


def _mark(
    connection: Connection,
    condition: str,
    cause: Cause,
    now: Instant | None,
    binds: Mapping[str, object],
    *,
    counted: bool = False,
) -> int:
    """Make users due at once; whoever is due at ``now`` for a stronger cause, or new, keeps what they are due for.

    ``counted``: also write the rows that stay as they are, since somebody asks how many fulfil the condition.
    """
    stronger = ", ".join(f"'{other}'" for other in _STRENGTH[: _STRENGTH.index(cause)])
    keeps = f"s.refreshed_at IS NULL OR s.due_at <= :now AND coalesce(s.due_cause, '{Cause.TIME}') IN ({stronger})"
    unless_it_is_so = "" if counted else f" AND NOT (s.due_at = {DUE_AT_ONCE} AND ({keeps}))"
    marking = (
        f"UPDATE user_state AS s SET due_at = {DUE_AT_ONCE},"
        f" due_cause = CASE WHEN {keeps} THEN s.due_cause ELSE '{cause}' END"
        f" WHERE {condition}{unless_it_is_so}"
    )
    return connection.execute(statement(marking), {**binds, "now": NEVER if now is None else now}).rowcount


def _listed(dialect: Dialect) -> str:
    """Return a table ``k(value)``: the elements of the JSON list bound to ``ids``."""
    if dialect is Dialect.SQLITE:
        return "json_each(:ids) AS k"
    return "jsonb_array_elements_text(CAST(:ids AS jsonb)) AS k(value)"
