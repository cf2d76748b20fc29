"""How often transactions were repeated, because the database had undone them in favour of others.

Each repetition is a row of ``slot`` under a name that no schedule has: that table has the instants, an index that finds
the newest, and upkeep that deletes the old ones. The row is written by the repetition itself, so it counts if and only
if that was committed.
"""

import secrets

from sqlalchemy import Connection, text

from engine.clock import Instant

_SCHEDULE = "|repeated"
"""Playbooks and jobs have names that begin with a letter."""


def note_repeats(connection: Connection, number: int, now: Instant) -> None:
    """Count ``number`` repetitions of this transaction."""
    noting = text("INSERT INTO slot (schedule, slot, taken_at) VALUES (:schedule, :slot, :now)")
    rows = [
        {"schedule": _SCHEDULE, "slot": f"{_sortable(now)}|{secrets.token_hex(8)}", "now": now} for _ in range(number)
    ]
    connection.execute(noting, rows)


def repeats_since(connection: Connection, since: Instant) -> int:
    """Return how many repetitions were committed since ``since``."""
    counting = text("SELECT count(*) FROM slot WHERE schedule = :schedule AND slot >= :oldest")
    return int(connection.execute(counting, {"schedule": _SCHEDULE, "oldest": _sortable(since)}).scalar_one())


def _sortable(at: Instant) -> str:
    return f"{at:016d}"
