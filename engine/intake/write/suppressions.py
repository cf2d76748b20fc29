"""The suppression list: adding addresses and removing them. The only SQL that writes it.

Addresses are in the form that the channel compares. What is removed by hand is kept for a while, so that it can be undone.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.intake.rows.model import SuppressionRow
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset

_KEPT = "channel, address, reason, at, source"
GONE = "address_gone"
"""The reason of addresses of which a provider says that they do not exist any more, such as the token of a removed app."""


class Suppressed(NamedTuple):
    """One address on the list; ``at`` is since when, in UTC milliseconds."""

    channel: str
    address: str
    reason: str
    at: int
    source: str | None


def suppress(
    connection: Connection,
    channel: str,
    rows: Sequence[SuppressionRow],
    source: str,
    *,
    intervention: int | None,
    now: Instant,
) -> int:
    """Add ``rows``; return how many were new. Those on the list already stay as they are.

    A date in the future counts as now. ``intervention`` is None if no person did it.
    """
    if not rows:
        return 0
    # In one order, so that two who add the same addresses wait for each other instead of blocking each other.
    ordered = sorted({row.address: row for row in reversed(rows)}.values())
    given = rowset(dialect_of(connection), "rows", address="TEXT", reason="TEXT", at="BIGINT")
    adding = text(
        f"INSERT INTO suppression ({_KEPT}, intervention_id) SELECT :channel, r.address, r.reason,"
        f" CASE WHEN r.at < :now THEN r.at ELSE :now END, :source, :intervention FROM {given} AS r WHERE true"
        " ON CONFLICT (channel, address) DO NOTHING"
    )
    packed = pack([[row.address, row.reason, row.at] for row in ordered])
    binds = {"channel": channel, "rows": packed, "source": source, "intervention": intervention, "now": now}
    return connection.execute(adding, binds).rowcount


def suppress_gone(connection: Connection, channel: str, addresses: Sequence[str], source: str, now: Instant) -> int:
    """Add addresses that do not exist any more, as ``source``, an adapter's name, has learnt; return how many were new.

    For answers and receipts alike. ``addresses`` are in the form that the list stores.
    """
    rows = [SuppressionRow(address, GONE) for address in addresses]
    return suppress(connection, channel, rows, source, intervention=None, now=now)


def listed(connection: Connection, channel: str, addresses: Sequence[str]) -> set[str]:
    """Return those of ``addresses`` that are on the list."""
    these = rowset(dialect_of(connection), "rows", address="TEXT")
    query = text(
        f"SELECT p.address FROM suppression AS p WHERE p.channel = :channel AND p.address IN (SELECT r.address FROM {these} AS r)"
    )
    return set(connection.scalars(query, {"channel": channel, "rows": pack([[one] for one in addresses])}))


def lift(connection: Connection, channel: str, addresses: Sequence[str], intervention: int, now: Instant) -> int:
    """Remove ``addresses``; return how many were on the list."""
    these = rowset(dialect_of(connection), "rows", address="TEXT")
    which = f"channel = :channel AND address IN (SELECT r.address FROM {these} AS r)"
    binds = {"channel": channel, "rows": pack([[one] for one in addresses]), "by": intervention, "now": now}
    keeping = text(
        f"INSERT INTO lifted_suppression (intervention_id, {_KEPT}, lifted_at)"
        f" SELECT :by, {_KEPT}, :now FROM suppression WHERE {which} ON CONFLICT DO NOTHING"
    )
    connection.execute(keeping, binds)
    removing = text(f"DELETE FROM suppression WHERE {which}")
    return connection.execute(removing, {"channel": channel, "rows": binds["rows"]}).rowcount


def count_suppressed_by(connection: Connection, intervention: int) -> int:
    """Return how many addresses are on the list because of ``intervention``."""
    query = text("SELECT count(*) FROM suppression WHERE intervention_id = :by")
    return int(connection.execute(query, {"by": intervention}).scalar_one())


def take_back(connection: Connection, intervention: int, limit: int) -> int:
    """Remove up to ``limit`` addresses that ``intervention`` added; return how many."""
    found = text(
        "SELECT channel, address FROM suppression WHERE intervention_id = :by ORDER BY channel, address LIMIT :n"
    )
    rows = [list(row) for row in connection.execute(found, {"by": intervention, "n": limit})]
    these = rowset(dialect_of(connection), "rows", channel="TEXT", address="TEXT")
    removing = text(
        "DELETE FROM suppression WHERE intervention_id = :by"
        f" AND (channel, address) IN (SELECT r.channel, r.address FROM {these} AS r)"
    )
    return connection.execute(removing, {"by": intervention, "rows": pack(rows)}).rowcount if rows else 0


def count_lifted_by(connection: Connection, intervention: int) -> int:
    """Return how many addresses ``intervention`` removed that have not been put back, and are still kept."""
    query = text("SELECT count(*) FROM lifted_suppression WHERE intervention_id = :by")
    return int(connection.execute(query, {"by": intervention}).scalar_one())


def restore(connection: Connection, intervention: int, by: int, limit: int) -> int:
    """Put back up to ``limit`` addresses that ``intervention`` removed; return how many. ``by`` is what undoes it."""
    found = text(
        "SELECT channel, address FROM lifted_suppression WHERE intervention_id = :done ORDER BY channel, address LIMIT :n"
    )
    rows = [list(row) for row in connection.execute(found, {"done": intervention, "n": limit})]
    if not rows:
        return 0
    these = rowset(dialect_of(connection), "rows", channel="TEXT", address="TEXT")
    which = f"intervention_id = :done AND (channel, address) IN (SELECT r.channel, r.address FROM {these} AS r)"
    binds = {"done": intervention, "rows": pack(rows)}
    adding = text(
        f"INSERT INTO suppression ({_KEPT}, intervention_id) SELECT {_KEPT}, :by FROM lifted_suppression WHERE {which}"
        " ORDER BY channel, address ON CONFLICT (channel, address) DO NOTHING"
    )
    connection.execute(adding, {**binds, "by": by})
    return connection.execute(text(f"DELETE FROM lifted_suppression WHERE {which}"), binds).rowcount


def read_list(connection: Connection, channel: str | None, limit: int) -> list[Suppressed]:
    """Return the newest addresses on the list, of one channel or of all."""
    which = "WHERE channel = :channel" if channel is not None else ""
    query = text(f"SELECT {_KEPT} FROM suppression {which} ORDER BY at DESC, channel, address LIMIT :limit")
    binds = {"limit": limit} | ({"channel": channel} if channel is not None else {})
    return [Suppressed._make(row) for row in connection.execute(query, binds)]


def count_list(connection: Connection) -> dict[str, int]:
    """Return how many addresses are on the list, by channel."""
    query = text("SELECT channel, count(*) AS number FROM suppression GROUP BY channel ORDER BY channel")
    return {row.channel: row.number for row in connection.execute(query)}


def forget_lifted(connection: Connection, before: Instant) -> None:
    """Delete what was removed from the list before ``before``."""
    connection.execute(text("DELETE FROM lifted_suppression WHERE lifted_at < :before"), {"before": before})
