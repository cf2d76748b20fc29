"""Rules over the bits of a signature: the input of the rule engine. They contain only our own symbols, never user data."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.conditions.nnf import All, Any, Atom, Formula, Known


@dataclass(frozen=True, slots=True)
class Bit:
    """Atom number ``index`` is true."""

    index: int


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part is true; always true if there are no parts."""

    parts: "tuple[Pattern, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is true; never true if there are no parts."""

    parts: "tuple[Pattern, ...]"


Pattern = Bit | AllOf | AnyOf

ALWAYS = AllOf(())
NEVER_HOLDS = AnyOf(())


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when its pattern is true for a user at one of the places in ``guard``.

    A ``guard`` of None means anywhere, including users without a place. Of the rules that fire, the one with the lowest
    ``priority`` wins.
    """

    name: str
    pattern: Pattern
    guard: frozenset[str] | None
    priority: int


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules of one slot of a dimension."""

    name: str
    rules: tuple[Rule, ...]
    atom_count: int
    places: tuple[str, ...]


def pattern_of(formula: Formula, bit: Callable[[Atom], int]) -> Pattern:
    """Return ``formula`` with its atoms replaced by the bits that ``bit`` assigns to them."""
    match formula:
        case All():
            return AllOf(tuple(pattern_of(child, bit) for child in formula.children))
        case Any():
            return AnyOf(tuple(pattern_of(child, bit) for child in formula.children))
        case Known():
            return ALWAYS if formula.value else NEVER_HOLDS
        case Atom():
            return Bit(bit(formula))
