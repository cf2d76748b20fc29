"""Entries in an action's history that change no state: what became of it after the hand-off, beyond what receipts report.

A remark finds its action as a receipt does: by the adapter and the reference that the adapter gave.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.content import ContentWriter
from engine.clock import Instant
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset


@dataclass(frozen=True, slots=True)
class Remark:
    """One entry. ``said`` may contain personal data: it is kept and deleted like a provider's text.

    ``intervention`` is what a person did that it is about.
    """

    adapter: str
    reference: str
    reason: str
    said: str = ""
    intervention: int | None = None


def remark(connection: Connection, remarks: Sequence[Remark], now: Instant) -> int:
    """Write ``remarks`` into the histories of their actions, in the given order; return how many have an action."""
    if not remarks:
        return 0
    dialect = dialect_of(connection)
    given = rowset(dialect, "rows", n="BIGINT", adapter="TEXT", reference="TEXT", reason="TEXT", intervention="BIGINT")
    rows = [[n, one.adapter, one.reference, one.reason, one.intervention] for n, one in enumerate(remarks)]
    write = text(
        "INSERT INTO action_event (action_id, at, state, reason, detail, intervention_id)"
        " SELECT a.id, :now, a.state, r.reason, '', r.intervention"
        f" FROM {given} AS r JOIN action AS a ON a.reference = r.reference AND a.adapter = r.adapter"
        " WHERE a.kind = 'message' ORDER BY r.n RETURNING id, action_id, reason"
    )
    logged = connection.execute(write, {"rows": pack(rows), "now": now}).all()
    by_action = _references(connection, [row.action_id for row in logged])
    said = {(one.reference, one.reason): one.said for one in remarks if one.said}
    texts = [(row.id, said[key]) for row in logged if (key := (by_action[row.action_id], row.reason)) in said]
    ContentWriter(dialect).texts(connection, texts)
    return len(logged)


def _references(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    these = rowset(dialect_of(connection), "rows", id="BIGINT")
    query = text(f"SELECT a.id, a.reference FROM {these} AS r JOIN action AS a ON a.id = r.id")
    return {row[0]: row[1] for row in connection.execute(query, {"rows": pack([[one] for one in ids])})}
