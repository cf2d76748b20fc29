"""Recovery after a crash: actions whose lease expired are queued again, or unknown if they had been handed off.

It also removes actions from quarantine that have since been sent, refused or cancelled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from engine.actions.claims import Claim
from engine.actions.moves import HasFence, Move, Mover
from engine.actions.send_keys import stored_key
from engine.actions.states import LEASED_SQL, State
from engine.delivery.outcomes import unknown
from engine.delivery.reasons import DeliveryReason
from engine.settings import DeliverySettings
from engine.store.dialects import Dialect
from engine.store.quarantine import RowKind, forget

_AT_ONCE = 1_000
# An action that returned to the queue untried stays in quarantine, so that its waits keep growing. One that a gate has
# deferred for another reason waits like any other.
_OUT_OF_QUARANTINE = (
    "SELECT q.row_id FROM quarantine AS q LEFT JOIN action AS a ON a.id = q.row_id"
    f" WHERE q.kind = '{RowKind.ACTION}'"
    f" AND (a.id IS NULL OR NOT (a.{LEASED_SQL} OR a.state = '{State.QUEUED}'"
    f" OR a.state = '{State.DEFERRED}' AND a.reason = q.reason))"
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many actions went back to the queue, of how many it is unknown whether they were sent, and how many were."""

    released: int = 0
    unknown: int = 0
    accepted: int = 0

    @property
    def changed(self) -> int:
        """How many actions that makes."""
        return self.released + self.unknown + self.accepted

    def __bool__(self) -> bool:
        return self.changed > 0


class Recovery:
    """Finds actions whose lease has expired, and puts them back or marks them unknown."""

    def __init__(self, dialect: Dialect, settings: DeliverySettings) -> None:
        self._settings = settings
        self._mover = Mover(dialect)
        self._any = text(f"SELECT 1 FROM action WHERE {LEASED_SQL} AND lease_until <= :now LIMIT 1")
        self._freed = text(f"{_OUT_OF_QUARANTINE} LIMIT 1")
        self._expired = text(
            f"SELECT id, fence, state, tries, send_key, send_key_until, in_doubt_since FROM action WHERE {LEASED_SQL} AND lease_until <= :now "
            f"ORDER BY lease_until, id LIMIT :limit{dialect.lock_free()}"
        )

    def anything_to_do(self, connection: Connection, now: int) -> bool:
        """Tell whether any lease has expired, or a quarantined action has moved on: two index probes."""
        return connection.scalar(self._any, {"now": now}) is not None or connection.scalar(self._freed) is not None

    def run(self, connection: Connection, now: int, recall: Callable[[HasFence], bool]) -> Recovered:
        """Handle up to a thousand actions whose lease has expired; call again while it returns something.

        ``recall`` keeps a message of this worker from being sent, and tells whether it could.
        """
        forget(connection, RowKind.ACTION, _OUT_OF_QUARANTINE)
        rows = connection.execute(self._expired, {"now": now, "limit": _AT_ONCE}).all()
        released = [row for row in rows if row.state == State.CLAIMED]
        handed = [(row, recall(Claim(row.id, row.fence))) for row in rows if row.state == State.HANDED_OFF]
        recalled, lost = [row for row, back in handed if back], [row for row, back in handed if not back]
        moves = [Move(row.id, row.fence, State.QUEUED, DeliveryReason.LEASE_RAN_OUT) for row in released]
        moves += [Move(row.id, row.fence, State.QUEUED, DeliveryReason.LEASE_RAN_OUT, tries=-1) for row in recalled]
        moves += [self._unknown(row, now) for row in lost]
        if moves:
            self._mover.write(connection, moves, now)
        return Recovered(len(released) + len(recalled), len(lost))

    def _unknown(self, row: Row[Any], now: int) -> Move:
        key = stored_key(row.send_key, row.send_key_until, row.in_doubt_since)
        return unknown(
            row.id, row.fence, row.tries, DeliveryReason.NO_ANSWER, now=now, settings=self._settings, key=key
        )
