"""Users by date: the only SQL for ``user_date``, which date triggers read instead of an index on ``user_state``.

A row says what ``user_state`` says in a fact of type date. All such facts are kept, whether or not a trigger asks for
them, so that a new trigger needs no evaluation of everybody. A value that is not a text ``YYYY-MM-DD`` has no row.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from engine.content.value_types import ValueType
from engine.facts.model import FactCatalog
from engine.store.dialects import Dialect
from engine.store.statement import quoted, statement

_STORED = text(
    "WITH RECURSIVE known (fact) AS (SELECT min(fact) FROM user_date UNION ALL"
    " SELECT (SELECT min(d.fact) FROM user_date AS d WHERE d.fact > k.fact) FROM known AS k WHERE k.fact IS NOT NULL)"
    " SELECT fact FROM known WHERE fact IS NOT NULL"
)
"""The facts that have rows: one look-up in the index for each, whereas DISTINCT would read all rows."""
_FORM = "____-__-__"
_UNKNOWN = "CAST(NULL AS TEXT)"


def write_dates(connection: Connection, dialect: Dialect, catalog: FactCatalog, users: str) -> None:
    """Make the rows of ``users`` equal to their facts in ``user_state``; only rows that differ are written.

    ``users`` is a table, or a query in parentheses, with the column ``user_id``; users whose facts did not change need not
    be among them. The caller has locked them, so nobody else writes their rows. Rows of facts that are no longer declared,
    or are no dates any more, are deleted.
    """
    declared = {fact.name: f"s.{fact.column}" for fact in catalog.facts.values() if fact.type is ValueType.DATE}
    stored = {str(fact) for fact in connection.execute(_STORED).scalars()}
    if stored:
        gone = dict.fromkeys(sorted(stored - declared.keys()), _UNKNOWN)
        connection.execute(statement(_deletion({**declared, **gone}, users, dialect)))
    if declared:
        connection.execute(statement(_upsert(declared, users, dialect)))


def users_by_date(fact: str, days: Iterable[str], years: Iterable[str] = ()) -> str:
    """Return a query for the ``user_id`` of users whose ``fact`` is on one of ``days`` (``MM-DD``).

    It returns only dates in one of ``years``, or in any year if there are none. Dates may be out of date for users who
    are due, so whoever asks also checks the fact itself.
    """
    years = sorted(set(years))
    in_years = f" AND year IN ({_listed(years)})" if years else ""
    listed = _listed(sorted(set(days))) or "NULL"
    return f"SELECT user_id FROM user_date WHERE fact = {quoted(fact)} AND month_day IN ({listed}){in_years}"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(quoted, values))


def _deletion(columns: dict[str, str], users: str, dialect: Dialect) -> str:
    """Return SQL that deletes the rows of ``users`` for facts (name -> value) that are no dates."""
    those = []
    for fact, value in columns.items():
        # No join, because PostgreSQL might read all users to find the few of a chunk without a date.
        is_date = f"(SELECT {value} LIKE '{_FORM}' FROM user_state AS s WHERE s.user_id = t.user_id)"
        without = f"SELECT t.user_id FROM {users} AS t WHERE NOT coalesce({is_date}, FALSE)"
        those.append(f"fact = {quoted(fact)} AND user_id {dialect.among(without)}")
    return f"DELETE FROM user_date WHERE {' OR '.join(those)}"


def _upsert(columns: dict[str, str], users: str, dialect: Dialect) -> str:
    """Return SQL that writes the dates of ``users`` that differ from their rows, or have none."""
    dates = " UNION ALL ".join(
        f"SELECT CAST({quoted(fact)} AS TEXT) AS fact, s.user_id, {value} AS value"
        f" FROM {users} AS t JOIN user_state AS s ON s.user_id = t.user_id"
        f" WHERE {value} LIKE '{_FORM}' AND NOT ({dialect.same(value, _row(fact))})"
        for fact, value in columns.items()
    )
    return (
        "INSERT INTO user_date (fact, user_id, month_day, year)"
        f" SELECT v.fact, v.user_id, substr(v.value, 6, 5), substr(v.value, 1, 4) FROM ({dates}) AS v"
        " WHERE TRUE ORDER BY v.fact, v.user_id"
        " ON CONFLICT (fact, user_id) DO UPDATE SET month_day = excluded.month_day, year = excluded.year"
    )


def _row(fact: str) -> str:
    """Return the date in the row; NULL if there is none. No join, for the same reason as above."""
    row = f"FROM user_date AS d WHERE d.fact = {quoted(fact)} AND d.user_id = s.user_id"
    return f"(SELECT d.year || '-' || d.month_day {row})"
