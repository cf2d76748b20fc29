"""A compiled dimension: its places, its atoms, and a rule book for each slot.

A *slot* holds one placement at a time. A tiers or stages dimension has one slot; in a segments dimension each segment
is a slot with the places ``in`` and ``out``. ``lock`` and ``grace`` compile to ordinary atoms, over the slot's
``since_`` and ``wait_`` columns, and to ordinary rules that keep a user in place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from engine.conditions.sql import NOW
from engine.conditions.turning import TurningPoint
from engine.content.document import Document
from engine.rules.compile.form import CaseSection
from engine.rules.decide.rulebook import RuleBook
from engine.store.dialects import Dialect
from engine.store.state_table import StateColumn

Kind = Literal["tiers", "stages", "segments"]

IN = "in"
OUT = "out"
MAX_ATOMS = 62
"""A signature has to fit a signed 64-bit integer in every database."""


class SqlAtom(Protocol):
    """An atom: a yes/no test that SQL can run on a row of ``user_state AS s``."""

    @property
    def text(self) -> str:
        """The atom in words."""
        ...

    def sql(self, dialect: Dialect) -> str:
        """The atom as SQL over ``s`` and ``:now``; NULL counts as false."""
        ...


@dataclass(frozen=True, slots=True)
class SlotAtom:
    """An atom over a slot's own columns: its lock or grace is still running."""

    text: str
    template: str
    """SQL; ``{now}`` stands for the current instant."""

    def sql(self, dialect: Dialect) -> str:
        """The atom as SQL."""
        return self.template.format(now=NOW)


@dataclass(frozen=True)
class PlacementSlot:
    """One placement of a user, and the rules that decide it."""

    name: str
    book: RuleBook
    targets: Mapping[str, str]
    """Rule -> the place it leads to. Rules that keep a user in place (lock, grace) are not included."""
    locks: Mapping[str, int]
    """Place -> length of its lock in milliseconds."""
    graces: Mapping[str, int]
    """Place -> length of its grace in milliseconds."""

    @property
    def since(self) -> str:
        """Column: when the user entered the current place."""
        return f"since_{self.name}"

    @property
    def wait(self) -> str:
        """Column: since when a downgrade has been waiting for its grace to end."""
        return f"wait_{self.name}"


@dataclass(frozen=True)
class Dimension:
    """One way of placing users: a set of tiers, of stages or of segments."""

    name: str
    kind: Kind
    places: tuple[str, ...]
    """Tiers best first; stages and segments in file order."""
    initial: str | None
    atoms: tuple[SqlAtom, ...]
    """Bit *i* of a signature is atom *i*."""
    slots: tuple[PlacementSlot, ...]
    turning: tuple[TurningPoint, ...]
    """When time alone can change an atom of a condition."""
    needs: frozenset[str]
    """Other dimensions whose placements its rules read."""
    document: Document
    cases: tuple[CaseSection, ...]

    @property
    def place(self) -> str:
        """Column of ``user_state`` that holds the placement."""
        return f"place_{self.name}"

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """Place -> position, 0 for the best tier."""
        return {place: position for position, place in enumerate(self.places)}

    def columns(self) -> Iterator[StateColumn]:
        """Columns of ``user_state`` that this dimension needs."""
        yield StateColumn(self.place, "TEXT")
        for slot in self.slots:
            yield StateColumn(slot.since, "BIGINT")
            yield StateColumn(slot.wait, "BIGINT")

    def signature_sql(self, dialect: Dialect) -> str:
        """SQL for the signature of row ``s`` at ``:now``."""
        terms = (f"CASE WHEN {atom.sql(dialect)} THEN {1 << bit} ELSE 0 END" for bit, atom in enumerate(self.atoms))
        return " + ".join(("CAST(0 AS BIGINT)", *terms))

    def true_atoms(self, signature: int) -> tuple[str, ...]:
        """The texts of the atoms that are true in ``signature``."""
        return tuple(atom.text for bit, atom in enumerate(self.atoms) if signature >> bit & 1)


def join_places(places: frozenset[str] | set[str]) -> str:
    """Return a set of segments as text: ``|basic|personalised|``; ``|`` if it is empty."""
    return "|" + "".join(f"{place}|" for place in sorted(places))


def split_places(text: str | None) -> frozenset[str]:
    """Return the set of segments in a text that ``join_places`` made."""
    return frozenset(part for part in (text or "").split("|") if part)
