"""The record of what people did by hand: who, when, to what, and why."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, text, update

from engine.clock import Instant
from engine.store.tables.interventions import Intervention

_TABLE = Intervention.__table__  # type: ignore[attr-defined]
_PAST = (
    "SELECT i.id, i.at, i.who, i.command, i.subject, i.why, i.changed AS count, i.undoes, b.id AS undone_by"
    " FROM intervention AS i LEFT JOIN intervention AS b ON b.undoes = i.id"
)


@dataclass(frozen=True, slots=True)
class Hand:
    """Who intervenes, as claimed, and why; either may be unknown."""

    who: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class PastIntervention:
    """One thing that a person did."""

    id: int
    at: Instant
    who: str | None
    command: str
    subject: str
    why: str | None
    count: int
    """How many rows it changed."""
    undoes: int | None
    """The intervention that this one undid."""
    undone_by: int | None
    """The intervention that undid this one, or began to."""


@dataclass(frozen=True, slots=True)
class Undoer:
    """How what one command did is undone.

    ``undo(connection, done, by, now, limit)`` undoes up to ``limit`` rows of the intervention ``done``, and notes the
    intervention ``by`` where it changes something; it returns how many rows it changed. It is called in one transaction
    after another until it returns 0, and again after an interruption: so it looks for what is still to be undone.
    ``count(connection, done, now)`` returns how many rows that would be, and writes nothing.
    """

    command: str
    """The ``command`` of the interventions that it undoes."""
    undo: Callable[[Connection, PastIntervention, int, Instant, int], int]
    count: Callable[[Connection, PastIntervention, Instant], int]


def record(  # noqa: PLR0917 - a row
    connection: Connection, hand: Hand, command: str, subject: str, now: Instant, undoes: int | None = None
) -> int:
    """Record that ``hand`` did ``command`` to ``subject`` at ``now``; return the intervention's id.

    ``undoes`` is the intervention that this one undoes. Neither ``subject`` nor the reason may identify a customer,
    because the record outlives an erasure.
    """
    done = insert(_TABLE).values(at=now, who=hand.who, command=command, subject=subject, why=hand.why, undoes=undoes)
    return int(connection.execute(done.returning(_TABLE.c.id)).scalar_one())


def set_count(connection: Connection, intervention: int, count: int) -> None:
    """Set how many rows the intervention changed."""
    connection.execute(update(_TABLE).where(_TABLE.c.id == intervention).values(changed=count))


def add_count(connection: Connection, intervention: int, more: int) -> None:
    """Note that the intervention changed ``more`` rows, in the transaction that changes them."""
    connection.execute(update(_TABLE).where(_TABLE.c.id == intervention).values(changed=_TABLE.c.changed + more))


def past_interventions(connection: Connection, limit: int) -> list[PastIntervention]:
    """Return what people did, the newest first."""
    rows = connection.execute(text(f"{_PAST} ORDER BY i.at DESC, i.id DESC LIMIT :limit"), {"limit": limit})
    return [PastIntervention(*row) for row in rows]


def past_intervention(connection: Connection, number: int) -> PastIntervention | None:
    """Return one intervention; None if there is none with this id."""
    row = connection.execute(text(f"{_PAST} WHERE i.id = :number"), {"number": number}).first()
    return None if row is None else PastIntervention(*row)
