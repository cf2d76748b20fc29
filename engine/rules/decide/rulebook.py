"""Rules over the bits of a signature: what the rule engine decides on. Only symbols that we made; never user data."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.conditions.nnf import All, Any, Atom, Formula, Known


@dataclass(frozen=True, slots=True)
class Bit:
    """Atom number ``index`` holds."""

    index: int


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; always, where there is none."""

    parts: "tuple[Pattern, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds; never, where there is none."""

    parts: "tuple[Pattern, ...]"


Pattern = Bit | AllOf | AnyOf

ALWAYS = AllOf(())
NEVER_HOLDS = AnyOf(())


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it fires in the places of ``guard`` (None: anywhere, also for users without a place) when its pattern
    holds. Of those that fire the one with the lowest ``priority`` wins.
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
    """Return ``formula`` with its atoms replaced by the bits that ``bit`` gives them."""
    match formula:
        case All():
            return AllOf(tuple(pattern_of(child, bit) for child in formula.children))
        case Any():
            return AnyOf(tuple(pattern_of(child, bit) for child in formula.children))
        case Known():
            return ALWAYS if formula.value else NEVER_HOLDS
        case Atom():
            return Bit(bit(formula))
