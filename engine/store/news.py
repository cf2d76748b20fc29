"""News about users: what intake appends, and ticks fold into ``user_due``. With ``store.due``, the only SQL that writes them.

Intake waits for nobody. Users with news are due at instant 0, and so are evaluated before those who are due by the calendar.
"""

from collections.abc import Collection

from sqlalchemy import Connection

from engine.clock import Instant
from engine.store.dialects import Dialect
from engine.store.due import DUE_AT_ONCE, HISTORY, STRENGTH, Cause, strength_sql
from engine.store.rowset import pack, rowset
from engine.store.statement import statement
from engine.store.temporary import analyse, drop_temporary, temporary, user_key

NEWS_AT_ONCE = 50_000
"""News folded in one transaction."""
_NEWS = "folded_news"
_FRESH = "fresh_user"


def add_news(connection: Connection, dialect: Dialect, users: Collection[int], cause: Cause) -> None:
    """Make ``users`` due at once, from the next tick on."""
    if not users:
        return
    rows = rowset(dialect, "ids", user_id="BIGINT")
    added = (
        f"INSERT INTO user_news (user_id, due_at, cause) SELECT r.user_id, {DUE_AT_ONCE}, '{cause}' FROM {rows} AS r"
    )
    connection.execute(statement(added), {"ids": pack([[user] for user in users])})


def add_news_among(connection: Connection, users: str, cause: Cause) -> None:
    """Make the users that the query ``users`` selects (``user_id``) due at once, from the next tick on."""
    added = (
        f"INSERT INTO user_news (user_id, due_at, cause) SELECT n.user_id, {DUE_AT_ONCE}, '{cause}' FROM ({users}) AS n"
    )
    connection.execute(statement(added))


def add_news_of_events(connection: Connection, fresh: str, now: Instant) -> None:
    """Make users due at their earliest new event, from the next tick on.

    ``fresh`` is a table ``(user_id, at, newest)`` with the instants of each user's earliest and latest new event.
    """
    told = f"CASE WHEN f.newest <= :now - {HISTORY} THEN '{Cause.IMPORT}' ELSE '{Cause.BEHAVIOUR}' END"
    added = f"INSERT INTO user_news (user_id, due_at, cause) SELECT f.user_id, f.at, {told} FROM {fresh} AS f"
    connection.execute(statement(added), {"now": now})


def newest_news(connection: Connection) -> int:
    """Return the id of the newest news; 0 if there are none."""
    return int(connection.execute(statement("SELECT coalesce(max(id), 0) FROM user_news")).scalar_one())


def fold_news(connection: Connection, dialect: Dialect, now: Instant, newest: int, limit: int = NEWS_AT_ONCE) -> int:
    """Move up to ``limit`` news with ids up to ``newest`` into ``user_due``, as of ``now``; return how many there were.

    A tick names the newest news of its beginning: otherwise it would not end while others keep bringing more.
    News in the future count when they happen; until then, the user may be due for other reasons.
    """
    temporary(connection, dialect, _NEWS, "id BIGINT, user_id BIGINT, due_at BIGINT, cause TEXT")
    taken = connection.execute(
        statement(
            f"INSERT INTO {_NEWS} SELECT id, user_id, due_at, cause FROM user_news WHERE id <= :newest"
            f" ORDER BY id LIMIT :limit{dialect.lock_free()}"
        ),
        {"newest": newest, "limit": limit},
    ).rowcount
    if taken:
        _summarise(connection, dialect, now)
        _apply_news(connection, dialect, now)
        connection.execute(statement(f"DELETE FROM user_news WHERE id IN (SELECT id FROM {_NEWS})"))
        drop_temporary(connection, _FRESH)
    drop_temporary(connection, _NEWS)
    return taken


def _summarise(connection: Connection, dialect: Dialect, now: Instant) -> None:
    """Reduce the news to one row for each user: what has happened by ``now``, or else what happens first."""
    temporary(connection, dialect, _FRESH, f"{user_key(dialect)}, due_at BIGINT, strength INTEGER")
    rank = strength_sql("cause")
    connection.execute(
        statement(
            f"INSERT INTO {_FRESH} SELECT user_id, min(CASE WHEN due_at <= :now THEN {DUE_AT_ONCE} ELSE due_at END),"
            f" coalesce(min(CASE WHEN due_at <= :now THEN {rank} END), min({rank})) FROM {_NEWS} GROUP BY user_id"
        ),
        {"now": now},
    )
    analyse(connection, dialect, _FRESH)


def _apply_news(connection: Connection, dialect: Dialect, now: Instant) -> None:
    known = "SELECT 1 FROM user_due AS t WHERE t.user_id = f.user_id"
    connection.execute(
        statement(
            f"INSERT INTO user_due (user_id, due_at) SELECT f.user_id, {DUE_AT_ONCE} FROM {_FRESH} AS f"
            f" WHERE NOT EXISTS ({known}) ORDER BY f.user_id ON CONFLICT (user_id) DO NOTHING"
        )
    )
    keeps = f"(t.evaluated_at IS NULL OR t.due_at <= :now AND {strength_sql('t.cause')} <= f.strength)"
    told = " ".join(f"WHEN {rank} THEN '{one}'" for rank, one in enumerate(STRENGTH))
    changes = f"t.user_id = f.user_id AND (f.due_at < t.due_at OR f.due_at = t.due_at AND NOT {keeps})"
    # All of them: whoever is being evaluated is still due here, but that evaluation may not have seen what is new.
    these = f"SELECT t.user_id FROM user_due AS t JOIN {_FRESH} AS f ON f.user_id = t.user_id ORDER BY t.user_id"
    dialect.lock_selected(connection, these, "t")
    connection.execute(
        statement(
            "UPDATE user_due AS t SET due_at = f.due_at,"
            f" cause = CASE WHEN {keeps} THEN t.cause ELSE CASE f.strength {told} END END"
            f" FROM {_FRESH} AS f WHERE {changes}"
        ),
        {"now": now},
    )
