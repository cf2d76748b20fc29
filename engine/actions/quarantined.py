"""Trying rows in quarantine again because a person asks for it."""

from collections.abc import Collection

from sqlalchemy import Connection

from engine.actions.ledger import queue_again
from engine.actions.reasons import LedgerReason
from engine.clock import Instant
from engine.store.quarantine import RowId, RowKind, retry_now


def retry_quarantined(connection: Connection, now: Instant, only: Collection[RowId] | None = None) -> int:
    """Make rows in quarantine due at once, all of them or ``only`` these; return how many there were.

    They stay in quarantine until they have been worked on.
    """
    found = retry_now(connection, now, only)
    queue_again(connection, found[RowKind.ACTION], LedgerReason.RETRIED, now)
    return sum(map(len, found.values()))
