"""Whether two compiled dimensions place everybody alike, however their files are written.

Conditions are compared by the SQL that the database runs, rules by what fires them and where they lead. So comments,
descriptions, cases, names of rules, and the order in which conditions are joined make no difference.
"""

from collections.abc import Hashable

from engine.rules.decide.rulebook import AllOf, AnyOf, Bit, Pattern, Rule
from engine.rules.dimension import Dimension, PlacementSlot
from engine.store.dialects import Dialect


def places_alike(one: Dimension, other: Dimension, dialect: Dialect) -> bool:
    """Tell whether both place each user in the same place, and evaluate them at the same instants."""
    return _placement(one, dialect) == _placement(other, dialect)


def _placement(dimension: Dimension, dialect: Dialect) -> Hashable:
    """Return everything about ``dimension`` on which a placement or a due instant depends."""
    # Only tiers are better or worse than each other.
    places = dimension.places if dimension.kind == "tiers" else frozenset(dimension.places)
    return (
        dimension.kind,
        places,
        dimension.initial,
        frozenset((slot.name, _slot(dimension, slot, dialect)) for slot in dimension.slots),
        frozenset(point.sql(dialect) for point in dimension.turning),
    )


def _slot(dimension: Dimension, slot: PlacementSlot, dialect: Dialect) -> Hashable:
    return (
        frozenset(slot.locks.items()),
        frozenset(slot.graces.items()),
        frozenset(_rule(dimension, slot, rule, dialect) for rule in slot.book.rules),
    )


def _rule(dimension: Dimension, slot: PlacementSlot, rule: Rule, dialect: Dialect) -> Hashable:
    """Return a rule without its name; its target is None if it keeps users where they are (lock, grace)."""
    return (rule.priority, rule.guard, slot.targets.get(rule.name), _pattern(dimension, rule.pattern, dialect))


def _pattern(dimension: Dimension, pattern: Pattern, dialect: Dialect) -> Hashable:
    match pattern:
        case Bit():
            return dimension.atoms[pattern.index].sql(dialect)
        case AllOf() | AnyOf():
            return (type(pattern).__name__, frozenset(_pattern(dimension, part, dialect) for part in pattern.parts))
