"""Retrying quarantined rows on request."""

from collections.abc import Collection

from sqlalchemy import Connection

from engine.actions.ledger import queue_again
from engine.actions.reasons import LedgerReason
from engine.clock import Instant
from engine.store.quarantine import RowId, RowKind, retry_now


def retry_quarantined(connection: Connection, now: Instant, only: Collection[RowId] | None = None) -> int:
    """Make quarantined rows due at once, all of them or ``only`` these; return how many.

    They stay in quarantine until they have been processed.
    """
    found = retry_now(connection, now, only)
    queue_again(connection, found[RowKind.ACTION], LedgerReason.RETRIED, now)
    return sum(map(len, found.values()))
