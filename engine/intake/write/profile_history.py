"""The history of users' profiles: a row of ``profile_change`` for each value that changed."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.rows.model import Json
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


class ProfileChangeRow(NamedTuple):
    """One changed value of one user."""

    user_id: int
    what: str
    """A column of ``users``, an attribute's name, or ``consent.<channel>.<class>``."""
    before: Json
    """None if there was no value."""
    after: Json
    source: str
    """Where the new value came from, such as ``import:customers.csv``."""


def record_altered(connection: Connection, dialect: Dialect, altered: Sequence[ProfileChangeRow], now: Instant) -> None:
    """Append rows to the history, in the given order."""
    if not altered:
        return
    rows = [(one.user_id, one.what, _json(one.before), _json(one.after), one.source) for one in altered]
    came = rowset(dialect, "rows", user_id="BIGINT", what="TEXT", before="TEXT", after="TEXT", source="TEXT")
    insert = (
        "INSERT INTO profile_change (user_id, what, before, after, source, at) SELECT r.user_id, r.what,"
        f" {dialect.as_json('r.before')}, {dialect.as_json('r.after')}, r.source, :now FROM {came} r"
    )
    connection.execute(text(insert), {"rows": pack(rows), "now": now})


def with_history(connection: Connection, dialect: Dialect, users: Collection[int]) -> set[int]:
    """Return those of ``users`` who already have changes in the history, not counting consents."""
    if not users:
        return set()
    known = (
        f"SELECT DISTINCT p.user_id FROM {dialect.elements('ids')} JOIN profile_change p"
        " ON p.user_id = CAST(k.value AS bigint) WHERE p.what NOT LIKE 'consent.%'"
    )
    return set(connection.execute(text(known), {"ids": json.dumps(list(users))}).scalars())


def altered_values(
    user_id: int, before: Mapping[str, Json], after: Mapping[str, Json], source: str
) -> Iterator[ProfileChangeRow]:
    """Yield the differences between two states of a user; a missing name means no value."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        # Not just `!=`, because 1 and True are equal in Python.
        if old != new or type(old) is not type(new):
            yield ProfileChangeRow(user_id, name, old, new, source)


def _json(value: Json) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)
