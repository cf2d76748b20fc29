"""How delivery stands, in numbers that any process can read from the store."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.delivery.reasons import Reason
from engine.delivery.states import LEASED_SQL, WAITING_SQL


@dataclass(frozen=True)
class QueueStatus:
    """``waiting`` by state, ``attention`` by (state, reason): what an admin has to look at. Instants in UTC ms.

    ``lag`` is how long the oldest due action has waited, in milliseconds. ``down`` says, by channel, since when the
    newest hand-offs met an adapter that is down.
    """

    due: int
    lag: int
    leased: int
    waiting: Mapping[str, int]
    attention: Mapping[tuple[str, str], int]
    down: Mapping[str, int]


def queue_status(connection: Connection, now: int) -> QueueStatus:
    """Return how delivery stands at ``now``; reads the small partial indexes only."""
    at = {"now": now}
    due, oldest = connection.execute(
        text(f"SELECT count(*), min(due_at) FROM action WHERE {WAITING_SQL} AND due_at <= :now"), at
    ).one()
    waiting = connection.execute(text(f"SELECT state, count(*) FROM action WHERE {WAITING_SQL} GROUP BY state")).all()
    attention = connection.execute(
        text("SELECT state, reason, count(*) FROM action WHERE state IN ('held', 'unknown') GROUP BY state, reason")
    ).all()
    down = connection.execute(
        text(
            f"SELECT channel, min(changed_at) FROM action WHERE {WAITING_SQL} AND reason = '{Reason.ADAPTER_DOWN}' "
            "AND channel IS NOT NULL GROUP BY channel"
        )
    ).all()
    return QueueStatus(
        due=int(due),
        lag=now - int(oldest) if oldest is not None else 0,
        leased=int(connection.execute(text(f"SELECT count(*) FROM action WHERE {LEASED_SQL}")).scalar_one()),
        waiting={state: int(number) for state, number in waiting},
        attention={(state, reason): int(number) for state, reason, number in attention},
        down={channel: int(since) for channel, since in down},
    )
