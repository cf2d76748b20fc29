"""The record of what people did by hand: who, when, to what, and why."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, update

from engine.clock import Instant
from engine.store.tables.interventions import Intervention

_TABLE = Intervention.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Hand:
    """Who intervenes, as claimed, and why; either may be unknown."""

    who: str | None = None
    why: str | None = None


def record(connection: Connection, hand: Hand, command: str, subject: str, now: Instant) -> int:
    """Record that ``hand`` did ``command`` to ``subject`` at ``now``; return the intervention's id.

    Neither ``subject`` nor the reason may identify a customer, because the record outlives an erasure.
    """
    done = insert(_TABLE).values(at=now, who=hand.who, command=command, subject=subject, why=hand.why)
    return int(connection.execute(done.returning(_TABLE.c.id)).scalar_one())


def set_count(connection: Connection, intervention: int, count: int) -> None:
    """Set how many rows the intervention changed."""
    connection.execute(update(_TABLE).where(_TABLE.c.id == intervention).values(changed=count))
