"""Receipts: what providers report after the hand-off. They need no lease, and may arrive in any order and repeatedly.

A receipt applies to any action that was handed off, whatever its state is by now: an unknown action was sent after all,
and one that waits for a retry is not sent again. If a worker still holds the action, the worker's own result arrives
too late and is dropped, so a receipt also records the provider's reference.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.content import ContentWriter, clean
from engine.actions.reasons import LedgerReason
from engine.actions.states import LEASED_SQL, RECEIPT_STATES, RECEIPT_STATES_SQL, State
from engine.clock import MINUTE, Instant, iso
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset

_STRENGTH: Mapping[str, int] = {state: rank for rank, state in enumerate(RECEIPT_STATES, start=1)}
"""A stronger state replaces a weaker one, in whatever order the receipts arrive."""
_AT_ONCE = MINUTE
"""A receipt that arrives sooner than this after the event does not need the provider's instant too."""
_HANDED_OFF = "a.kind = 'message' AND a.tries > 0"
_ANY_HANDED_OFF = text(f"SELECT 1 FROM action WHERE {LEASED_SQL} AND state = 'handed_off' LIMIT 1")


@dataclass(frozen=True, slots=True)
class ReceiptEntry:
    """A provider's report about one message, found by its ``reference`` or, if known, by the action's id.

    ``key`` is the message's key: whoever knows keys finds the action by it (see ``engine.delivery.receipt_book``).

    ``state`` is one of ``RECEIPT_STATES``. ``reason`` is the adapter's word. ``happened_at`` is when the provider says
    it happened. The log is in the order in which receipts arrived; it shows the provider's instant too if that is
    plausible: after the hand-off and not in the future. ``gone``: the address does not exist any more.
    """

    adapter: str
    state: State
    reference: str = ""
    action_id: int | None = None
    reason: str = LedgerReason.REPORTED.value
    provider_text: str = ""
    happened_at: Instant | None = None
    gone: bool = False
    key: str = ""

    def __post_init__(self) -> None:
        if self.state not in _STRENGTH:
            raise ValueError(f"a receipt can report {', '.join(RECEIPT_STATES)}, not {self.state}")
        if self.action_id is None and not self.reference and not self.key:
            raise ValueError("a receipt needs a reference, a key or an action id to identify its message")


@dataclass(frozen=True, slots=True)
class Received:
    """How many receipts were new, already known, or about no message that was handed off.

    ``texts`` is how many texts the call brought that people wrote back, and that were new.
    """

    new: int = 0
    known: int = 0
    unmatched: int = 0
    gone: tuple[int, ...] = ()
    """The actions whose address does not exist any more, as new receipts say."""
    texts: int = 0


@dataclass(frozen=True, slots=True)
class _Before:
    """An action as it was before the receipts: its state, and when it was first handed off."""

    state: str
    handed_off_at: int | None


class Receipts:
    """Writes receipts into the log."""

    def __init__(self, dialect: Dialect) -> None:
        self._content = ContentWriter(dialect)
        named = rowset(dialect, "rows", n="BIGINT", id="BIGINT", adapter="TEXT", reference="TEXT")
        self._find = text(
            f"SELECT r.n, a.id FROM {named} AS r JOIN action AS a ON a.id = r.id WHERE {_HANDED_OFF} UNION ALL "
            f"SELECT r.n, max(a.id) FROM {named} AS r JOIN action AS a ON a.reference = r.reference "
            f"AND a.adapter = r.adapter AND r.id IS NULL WHERE {_HANDED_OFF} GROUP BY r.n"
        )
        ids = rowset(dialect, "rows", id="BIGINT")
        # In the order of ids, as delivery locks them, to prevent deadlocks.
        handed_off = "SELECT min(e.at) FROM action_event AS e WHERE e.action_id = a.id AND e.state = 'handed_off'"
        self._states = text(
            f"SELECT a.id, a.state, ({handed_off}) AS handed_off_at FROM {ids} AS r JOIN action AS a ON a.id = r.id"
            f" ORDER BY a.id{dialect.lock('a')}"
        )
        self._told = text(
            f"SELECT v.action_id, v.state FROM {ids} AS r JOIN action_event AS v ON v.action_id = r.id WHERE v.{RECEIPT_STATES_SQL}"
        )
        events = rowset(dialect, "rows", id="BIGINT", state="TEXT", reason="TEXT", detail="TEXT")
        self._log = text(
            "INSERT INTO action_event (action_id, at, state, reason, detail) "
            f"SELECT r.id, :now, r.state, r.reason, r.detail FROM {events} AS r RETURNING id, action_id, state"
        )
        moved = rowset(dialect, "rows", id="BIGINT", state="TEXT", reason="TEXT", adapter="TEXT", reference="TEXT")
        self._move = text(
            "UPDATE action SET state = r.state, reason = r.reason, lease_until = NULL, changed_at = :now, "
            "adapter = coalesce(action.adapter, r.adapter), reference = coalesce(action.reference, r.reference) "
            f"FROM {moved} AS r WHERE action.id = r.id"
        )

    def receive(self, connection: Connection, receipts: Sequence[ReceiptEntry], now: Instant) -> Received:
        """Log what is new in ``receipts`` and update the actions; a repeated receipt changes nothing.

        An action keeps the strongest state reported so far (see ``RECEIPT_STATES``); every state is logged once.
        """
        found = self._matched(connection, receipts)
        if not found:
            return Received(unmatched=len(receipts))
        ids = pack([[action_id] for action_id in sorted({action_id for action_id, _ in found})])
        before = {
            row.id: _Before(row.state, row.handed_off_at) for row in connection.execute(self._states, {"rows": ids})
        }
        told = {(row[0], row[1]) for row in connection.execute(self._told, {"rows": ids})}
        news: dict[tuple[int, str], ReceiptEntry] = {}
        for action_id, receipt in found:
            key = (action_id, receipt.state.value)
            if key not in told:
                news.setdefault(key, receipt)
        self._write(connection, news, before, now)
        gone = tuple(sorted({action_id for (action_id, _), receipt in news.items() if receipt.gone}))
        return Received(len(news), len(found) - len(news), len(receipts) - len(found), gone)

    def _matched(self, connection: Connection, receipts: Sequence[ReceiptEntry]) -> list[tuple[int, ReceiptEntry]]:
        """Return the receipts whose message was handed off, each with its action's id, in the given order."""
        rows = [[number, one.action_id, one.adapter, clean(one.reference)] for number, one in enumerate(receipts)]
        if not rows:
            return []
        found = sorted((row[0], row[1]) for row in connection.execute(self._find, {"rows": pack(rows)}))
        return [(action_id, receipts[number]) for number, action_id in found]

    def _write(
        self,
        connection: Connection,
        news: Mapping[tuple[int, str], ReceiptEntry],
        before: "Mapping[int, _Before]",
        now: Instant,
    ) -> None:
        if not news:
            return
        rows = [
            [action_id, state, one.reason, _when(one, before[action_id].handed_off_at, now)]
            for (action_id, state), one in news.items()
        ]
        logged = connection.execute(self._log, {"rows": pack(rows), "now": now}).all()
        texts = [(row[0], said) for row in logged if (said := news[row[1], row[2]].provider_text)]
        self._content.texts(connection, texts)
        by_action: dict[int, list[ReceiptEntry]] = defaultdict(list)
        for (action_id, _state), receipt in news.items():
            by_action[action_id].append(receipt)
        moved = []
        for action_id, told in by_action.items():
            strongest = max(told, key=lambda one: _STRENGTH[one.state])
            if _STRENGTH[strongest.state] > _STRENGTH.get(before[action_id].state, 0):
                reference = clean(strongest.reference) or None
                moved.append([action_id, strongest.state.value, strongest.reason, strongest.adapter, reference])
        if moved:
            connection.execute(self._move, {"rows": pack(moved), "now": now})


def anything_handed_off(connection: Connection) -> bool:
    """Tell whether a message has been handed over whose answer is not recorded yet: its receipt may come before that."""
    return connection.scalar(_ANY_HANDED_OFF) is not None


def _when(receipt: ReceiptEntry, handed_off_at: int | None, now: Instant) -> str:
    """Return when it happened, in words; empty if the log's own instant says so, or the provider's is not plausible."""
    at = receipt.happened_at
    if at is None or handed_off_at is None or not handed_off_at <= at <= now - _AT_ONCE:
        return ""
    return f"it happened {iso(at)}"
