"""Negation normal form: a tree of All and Any over atoms, with no negation above an atom.

A negated comparison becomes the opposite comparison (neither holds on NULL); every other negated leaf becomes an atom
with NOT inside. So each atom either holds or not, NULL needs no third value, and the tree holds exactly if the condition
does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.conditions.sql import to_sql
from engine.conditions.tree import OPPOSITE, And, Compare, Constant, Not, Or, Value, names_of
from engine.conditions.words import words
from engine.store.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Atom:
    """A leaf predicate. Atoms with the same canonical text are equal."""

    node: Value

    @property
    def text(self) -> str:
        """Return the atom's text for people."""
        return words(self.node)

    @property
    def names(self) -> frozenset[str]:
        """Return the facts and dimensions that the atom reads."""
        return names_of(self.node)

    def sql(self, dialect: Dialect) -> str:
        """Return SQL that is TRUE, FALSE or NULL."""
        return to_sql(self.node, dialect)

    def holds_sql(self, dialect: Dialect) -> str:
        """Return SQL that is TRUE or FALSE, never NULL."""
        return f"coalesce({to_sql(self.node, dialect)}, FALSE)"


@dataclass(frozen=True, slots=True)
class Known:
    """A condition that always or never holds."""

    value: bool


@dataclass(frozen=True, slots=True)
class All:
    """All children hold. There are at least two children, none of them an ``All`` or ``Known``."""

    children: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """At least one child holds. There are at least two children, none of them an ``Any`` or ``Known``."""

    children: "tuple[Formula, ...]"


Formula = All | Any | Atom | Known


def normal_form(node: Value, positive: bool = True) -> Formula:
    """Return the normal form of a boolean ``node``, or of its negation."""
    match node:
        case Not():
            return normal_form(node.value, not positive)
        case And() | Or():
            parts = [normal_form(part, positive) for part in node.parts]
            return all_of(parts) if isinstance(node, And) is positive else any_of(parts)
        case Constant():
            return Known(node.value is positive)
        case Compare() if not positive:
            return Atom(Compare(OPPOSITE[node.op], node.left, node.right))
        case _:
            return Atom(node if positive else Not(node))


def all_of(parts: list[Formula]) -> Formula:
    """Return the conjunction of ``parts``, simplified."""
    return _joined(parts, All, neutral=True)


def any_of(parts: list[Formula]) -> Formula:
    """Return the disjunction of ``parts``, simplified."""
    return _joined(parts, Any, neutral=False)


def _joined(parts: list[Formula], kind: type[All] | type[Any], *, neutral: bool) -> Formula:
    flat: dict[Formula, None] = {}
    for part in parts:
        if isinstance(part, Known):
            if part.value is not neutral:
                return part
        else:
            flat.update(dict.fromkeys(part.children if isinstance(part, kind) else (part,)))
    if not flat:
        return Known(neutral)
    return next(iter(flat)) if len(flat) == 1 else kind(tuple(flat))


def atoms_of(formula: Formula) -> tuple[Atom, ...]:
    """Return the distinct atoms of ``formula``, in order of appearance."""
    found: dict[Atom, None] = {}
    pending = [formula]
    while pending:
        part = pending.pop()
        if isinstance(part, Atom):
            found[part] = None
        elif isinstance(part, All | Any):
            pending.extend(reversed(part.children))
    return tuple(found)


def holds(formula: Formula, true: Callable[[Atom], bool]) -> bool:
    """Tell whether ``formula`` holds, given a function that tells which atoms do."""
    match formula:
        case All():
            return all(holds(child, true) for child in formula.children)
        case Any():
            return any(holds(child, true) for child in formula.children)
        case Known():
            return formula.value
        case Atom():
            return true(formula)
