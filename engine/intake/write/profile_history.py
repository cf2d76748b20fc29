"""The history of what is known of users: a row of ``profile_change`` for each value that became another."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.rows.model import Json
from engine.intake.write.resolve import listed
from engine.store.dialect import Dialect
from engine.store.rowset import pack, rowset


class ProfileChangeRow(NamedTuple):
    """One value of one user that became another."""

    user_id: int
    what: str
    """A column of ``users``, an attribute's name, or ``consent.<channel>.<class>``."""
    before: Json
    """None where there was none."""
    after: Json
    source: str
    """Where the new value came from, such as ``import:customers.csv``."""


def record_altered(connection: Connection, dialect: Dialect, altered: Sequence[ProfileChangeRow], now: Instant) -> None:
    """Append to the history, in the order given."""
    if not altered:
        return
    rows = [(one.user_id, one.what, _json(one.before), _json(one.after), one.source) for one in altered]
    as_json = "{0}" if dialect is Dialect.SQLITE else "CAST({0} AS JSONB)"
    came = rowset(dialect, "rows", user_id="BIGINT", what="TEXT", before="TEXT", after="TEXT", source="TEXT")
    insert = (
        "INSERT INTO profile_change (user_id, what, before, after, source, at) SELECT r.user_id, r.what,"
        f" {as_json.format('r.before')}, {as_json.format('r.after')}, r.source, :now FROM {came} r"
    )
    connection.execute(text(insert), {"rows": pack(rows), "now": now})


def with_history(connection: Connection, dialect: Dialect, users: Collection[int]) -> set[int]:
    """Return those of ``users`` of whom a value was altered before; consents do not count."""
    if not users:
        return set()
    known = (
        f"SELECT DISTINCT p.user_id FROM {listed(dialect, 'ids')} JOIN profile_change p"
        " ON p.user_id = CAST(k.value AS bigint) WHERE p.what NOT LIKE 'consent.%'"
    )
    return set(connection.execute(text(known), {"ids": json.dumps(list(users))}).scalars())


def altered_values(
    user_id: int, before: Mapping[str, Json], after: Mapping[str, Json], source: str
) -> Iterator[ProfileChangeRow]:
    """Yield what differs between two states of a user; a name that is missing is a value that is not there."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        # Not `!=` alone: to Python 1 and True are equal.
        if old != new or type(old) is not type(new):
            yield ProfileChangeRow(user_id, name, old, new, source)


def _json(value: Json) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)
