"""When users are evaluated next, and why. With ``store.news``, it has the only SQL that writes ``user_due``.

``cause`` is set when a user becomes due for any reason but time, and cleared by the evaluation. A pending cause is
replaced only by a stronger one, in this order:

1. ``behaviour``: users who did something since their last evaluation are evaluated for that, whatever else changed.
2. ``time``: a user whose instant has come is due for that reason, and an import does not change it.
3. ``merge``, ``person``, ``import``.

``rules`` and ``scores`` are the causes of sweeps, which make nobody due: see ``store.sweep``. They come between ``behaviour``
and ``time``: whoever is due, or in quarantine, while a sweep that concerns them has not reached them moves for its cause.
"""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Connection

from engine.clock import DAY, Instant
from engine.store.dialects import Dialect, dialect_of
from engine.store.statement import statement
from engine.store.temporary import DUE_USER, analyse, temporary, user_key

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

CAUSE_SQL = f"coalesce(cause, CASE WHEN evaluated_at IS NULL THEN '{Cause.BEHAVIOUR}' ELSE '{Cause.TIME}' END)"
"""SQL of a due user's cause, over ``user_due``. Users who have never been evaluated are new, whatever else changed."""

STRENGTH = (Cause.BEHAVIOUR, Cause.RULES, Cause.SCORES, Cause.TIME, Cause.MERGE, Cause.PERSON, Cause.IMPORT)


def strength_sql(cause: str) -> str:
    """Return SQL of the strength of the cause ``cause``; a smaller number is stronger."""
    ranks = " ".join(f"WHEN '{one}' THEN {rank}" for rank, one in enumerate(STRENGTH))
    return f"CASE coalesce({cause}, '{Cause.TIME}') {ranks} END"


def _weaker_than(cause: Cause) -> str:
    """Return SQL of the causes that give way to ``cause``, for an IN."""
    return ", ".join(f"'{other}'" for other in STRENGTH[STRENGTH.index(cause) + 1 :])


def clear_due_users(connection: Connection, dialect: Dialect) -> None:
    """Create ``due_user``, empty."""
    temporary(connection, dialect, DUE_USER, f"{user_key(dialect)}, cause TEXT")


def add_unknown_users(connection: Connection) -> None:
    """Make every user due at once who has never been due, because a program other than ours added them."""
    connection.execute(
        statement(
            f"INSERT INTO user_due (user_id, due_at) SELECT u.id, {DUE_AT_ONCE} FROM users AS u"
            " WHERE NOT EXISTS (SELECT 1 FROM user_due AS t WHERE t.user_id = u.id)"
            " AND NOT EXISTS (SELECT 1 FROM user_news AS n WHERE n.user_id = u.id) ORDER BY u.id"
            " ON CONFLICT (user_id) DO NOTHING"
        )
    )


def take_due_users(
    connection: Connection, dialect: Dialect, now: Instant, limit: int, *, after: int | None = None
) -> int:
    """Fill ``due_user`` with up to ``limit`` due users; return how many there are.

    They are taken in the order in which they became due or, with ``after``, in the order of their ids from the next one on.
    They are locked, and users whom another worker has locked are skipped.
    """
    order = "ORDER BY due_at" if after is None else "AND user_id > :after ORDER BY user_id"
    clear_due_users(connection, dialect)
    taken = connection.execute(
        statement(
            f"INSERT INTO {DUE_USER} (user_id, cause) SELECT user_id, {CAUSE_SQL} FROM user_due"
            f" WHERE due_at <= :now {order} LIMIT :limit{dialect.lock_free()}"
        ),
        {"now": now, "limit": limit, "after": after},
    )
    analyse(connection, dialect, DUE_USER)
    return taken.rowcount


def claim_causes(connection: Connection, cause: Cause, among: str, binds: Mapping[str, object]) -> None:
    """Set the cause of the users of ``due_user`` for whom ``among`` holds, unless theirs is stronger.

    ``cause`` is that of a sweep: what a sweep changes about users who are also due by the calendar was not brought about
    by time. A scheduled event sets no cause when it happens, so it is looked for; ``binds`` includes ``now``.
    """
    claimed = f"UPDATE {DUE_USER} SET cause = '{cause}' WHERE cause IN ({_weaker_than(cause)}) AND {among}"
    if connection.execute(statement(claimed), binds).rowcount:
        answer_events(connection, binds)


def answer_events(connection: Connection, binds: Mapping[str, object]) -> None:
    """Set the cause of users of ``due_user`` whose facts include an event that nobody has been told of.

    A sweep that comes first must not hide it. ``binds`` includes ``now``.
    """
    connection.execute(
        statement(
            f"UPDATE {DUE_USER} SET cause = '{Cause.BEHAVIOUR}' WHERE cause IN ('{Cause.RULES}', '{Cause.SCORES}')"
            f" AND EXISTS (SELECT 1 FROM event AS e JOIN user_due AS t ON t.user_id = e.user_id"
            f" WHERE e.user_id = {DUE_USER}.user_id AND e.at > t.evaluated_at AND e.at <= :now AND e.at > :now - {HISTORY})"
        ),
        binds,
    )


def leave_cause(
    connection: Connection, dialect: Dialect, among: str, cause: Cause, binds: Mapping[str, object]
) -> None:
    """Let users whom a sweep leaves out be evaluated for its ``cause`` when they are due, unless theirs is stronger.

    ``among`` is SQL over ``user_due AS t``.
    """
    pending = f"coalesce(t.cause, '{Cause.TIME}')"
    those = f"{among} AND t.evaluated_at IS NOT NULL AND {pending} IN ({_weaker_than(cause)})"
    dialect.lock_selected(
        connection, f"SELECT t.user_id FROM user_due AS t WHERE {those} ORDER BY t.user_id", "t", binds
    )
    connection.execute(statement(f"UPDATE user_due AS t SET cause = '{cause}' WHERE {those}"), binds)


def look_at(connection: Connection, dialect: Dialect, user: int) -> None:
    """Fill ``due_user`` with one user, whether due or not, to look at them."""
    clear_due_users(connection, dialect)
    connection.execute(statement(f"INSERT INTO {DUE_USER} (user_id) VALUES (:user)"), {"user": user})
    analyse(connection, dialect, DUE_USER)


def take_users(
    connection: Connection, users: str, cause: Cause, binds: Mapping[str, object], expected: int | None = None
) -> int:
    """Add users who are not due to ``due_user``, unless they are there already; return how many.

    ``users`` is SQL to follow FROM, over ``user_due AS t``, with a WHERE. ``binds`` includes ``now``. Users whom another
    worker has locked are skipped, and get news instead: most are due, but not those whose next instant it just writes.
    If as many are taken as ``expected``, nobody was skipped, and nobody is looked for.
    """
    dialect = dialect_of(connection)
    # Not `t.due_at > :now` alone: nearly everybody is due later, so the index on it is the wrong one.
    those = (
        f"FROM {users} AND t.due_at + 0 > :now"
        f" AND NOT EXISTS (SELECT 1 FROM {DUE_USER} AS d WHERE d.user_id = t.user_id)"
    )
    taken = connection.execute(
        statement(
            f"INSERT INTO {DUE_USER} (user_id, cause) SELECT t.user_id, '{cause}' {those}{dialect.lock_free('t')}"
        ),
        binds,
    )
    analyse(connection, dialect, DUE_USER)
    if dialect.lock_free() and taken.rowcount != expected:
        skipped = f"INSERT INTO user_news (user_id, due_at, cause) SELECT t.user_id, {DUE_AT_ONCE}, '{cause}' {those}"
        connection.execute(statement(skipped), binds)
    return taken.rowcount


def due_again(connection: Connection, again: str, binds: Mapping[str, object]) -> None:
    """Make users due no later than at the instants of the query ``again`` (``user_id``, ``again``), for ``time``.

    ``binds`` includes ``now``; past instants are ignored. The users are those of the caller's chunk, who are locked already,
    so this waits for nobody; only an occasion whose exits are paused has others, and is repeated if it meets a chunk.
    """
    connection.execute(
        statement(
            f"UPDATE user_due SET due_at = r.again FROM ({again}) AS r"
            " WHERE user_due.user_id = r.user_id AND r.again > :now AND r.again < user_due.due_at"
        ),
        binds,
    )


def due_later(connection: Connection, user: int, at: Instant) -> None:
    """Postpone the evaluation of one user; the cause stays."""
    connection.execute(statement("UPDATE user_due SET due_at = :at WHERE user_id = :user"), {"at": at, "user": user})


def write_evaluated(connection: Connection, dialect: Dialect, decided: str, now: Instant, *, postpone: bool) -> None:
    """Write when the users of ``due_user`` are due next: ``due_at`` of their rows in the table ``decided``.

    Without ``postpone``, nobody becomes due later than before: what made them due then is not known here. A user who is due
    again right away, because another transition already matches, is so for the same cause. Only rows that differ are written.
    """
    due_at = "excluded.due_at" if postpone else dialect.least("excluded.due_at", "t.due_at")
    written = "TRUE" if postpone else "excluded.due_at < t.due_at"
    connection.execute(
        statement(
            "INSERT INTO user_due AS t (user_id, due_at, cause, evaluated_at)"
            f" SELECT x.user_id, x.due_at, CASE WHEN x.due_at <= :now + 1 THEN nullif(d.cause, '{Cause.TIME}') END, :now"
            f" FROM {decided} AS x JOIN {DUE_USER} AS d ON d.user_id = x.user_id WHERE TRUE"
            f" ON CONFLICT (user_id) DO UPDATE SET due_at = {due_at}, cause = excluded.cause,"
            f" evaluated_at = excluded.evaluated_at WHERE {written}"
        ),
        {"now": now},
    )


def evaluate_again(connection: Connection, users: str, last: Instant | None) -> None:
    """Make the users of the table ``users`` due at once, as if their last evaluation had not been.

    ``users`` has ``user_id``; ``known``, 0 for users who had never been evaluated before it; and the ``cause`` that it had.
    ``last`` is the last tick before it.
    """
    connection.execute(
        statement(
            f"UPDATE user_due SET due_at = {DUE_AT_ONCE}, cause = CASE WHEN h.known = 1 THEN nullif(h.cause, '{Cause.TIME}') END,"
            " evaluated_at = CASE WHEN h.known = 1 THEN CAST(:last AS BIGINT) END"
            f" FROM {users} AS h WHERE h.user_id = user_due.user_id"
        ),
        {"last": last},
    )


def is_evaluated_sql(dialect: Dialect, user: str) -> str:
    """Return SQL: the user with the id ``user`` is not due at ``:now``, and has no news that no tick has seen."""
    # Both are few, unless an import runs or another worker evaluates; each is read once, not once for each user.
    due = "SELECT due.user_id FROM user_due AS due WHERE due.due_at <= :now"
    return f"{dialect.not_among(user, due)} AND {dialect.not_among(user, 'SELECT news.user_id FROM user_news AS news')}"
