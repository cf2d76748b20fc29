"""A dimension, compiled: places, atoms, and for each slot a book of rules over the atoms.

A *slot* is where a user can stand in one place at a time: a dimension of tiers or stages is one slot, each segment of
a segments dimension is a slot with the two places ``in`` and ``out``. ``lock`` and ``grace`` are atoms like others,
over the slot's own ``since_`` and ``wait_`` columns, and rules like others that hold a user where they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from engine.conditions.sql import now_sql
from engine.conditions.turning import TurningPoint
from engine.content.document import Document
from engine.rules.compile.form import CaseSection
from engine.rules.decide.rulebook import RuleBook
from engine.store.dialect import Dialect
from engine.store.state_table import StateColumn

Kind = Literal["tiers", "stages", "segments"]

IN = "in"
OUT = "out"
MAX_ATOMS = 62
"""A signature is a signed 64-bit integer in both databases."""


class SqlAtom(Protocol):
    """An atom: something that SQL can ask of a row of ``user_state AS s``."""

    @property
    def text(self) -> str:
        """The atom for people."""
        ...

    def sql(self, dialect: Dialect) -> str:
        """The atom as SQL over ``s`` and ``:now``; NULL does not hold."""
        ...


@dataclass(frozen=True, slots=True)
class SlotAtom:
    """An atom over a slot's own columns: that its lock or its grace still runs."""

    text: str
    template: str
    """SQL with ``{now}`` where the present instant stands."""

    def sql(self, dialect: Dialect) -> str:
        """The atom as SQL."""
        return self.template.format(now=now_sql(dialect))


@dataclass(frozen=True)
class PlacementSlot:
    """Where a user stands in one place at a time, and the rules that decide it."""

    name: str
    book: RuleBook
    targets: Mapping[str, str]
    """Rule -> the place that it leads to; rules that hold a user back lead nowhere and are not in it."""
    locks: Mapping[str, int]
    """Place -> milliseconds."""
    graces: Mapping[str, int]
    """Place -> milliseconds."""

    @property
    def since(self) -> str:
        """Column: when the user came to this place."""
        return f"since_{self.name}"

    @property
    def wait(self) -> str:
        """Column: when a downgrade began to wait for its grace."""
        return f"wait_{self.name}"


@dataclass(frozen=True)
class Dimension:
    """One way to place users."""

    name: str
    kind: Kind
    places: tuple[str, ...]
    """Tiers best first; stages and segments in the order of the file."""
    initial: str | None
    atoms: tuple[SqlAtom, ...]
    """Bit *i* of a signature is atom *i*."""
    slots: tuple[PlacementSlot, ...]
    turning: tuple[TurningPoint, ...]
    """When time alone can change an atom that comes from a condition."""
    needs: frozenset[str]
    """Other dimensions whose placements its rules ask for."""
    document: Document
    cases: tuple[CaseSection, ...]

    @property
    def place(self) -> str:
        """Column of ``user_state`` that holds the placement."""
        return f"place_{self.name}"

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """Place -> position; the best tier is 0."""
        return {place: position for position, place in enumerate(self.places)}

    def columns(self) -> Iterator[StateColumn]:
        """Columns of ``user_state`` that this dimension needs."""
        yield StateColumn(self.place, "TEXT")
        for slot in self.slots:
            yield StateColumn(slot.since, "BIGINT")
            yield StateColumn(slot.wait, "BIGINT")

    def signature_sql(self, dialect: Dialect) -> str:
        """SQL of the signature of a row ``s`` at ``:now``."""
        nothing = "0" if dialect is Dialect.SQLITE else "CAST(0 AS BIGINT)"
        terms = [
            f"CASE WHEN {atom.sql(dialect)} THEN {1 << bit} ELSE {nothing} END" for bit, atom in enumerate(self.atoms)
        ]
        return " + ".join(terms) or "0"

    def held(self, signature: int) -> tuple[str, ...]:
        """The texts of the atoms that hold in ``signature``."""
        return tuple(atom.text for bit, atom in enumerate(self.atoms) if signature >> bit & 1)


def join_places(places: frozenset[str] | set[str]) -> str:
    """Return the text that holds a set of segments: ``|basic|personalised|``; ``|`` for none."""
    return "|" + "".join(f"{place}|" for place in sorted(places))


def split_places(text: str | None) -> frozenset[str]:
    """Return the set of segments in such a text."""
    return frozenset(part for part in (text or "").split("|") if part)
