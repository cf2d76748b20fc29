"""Typing of placements: a dimension is compared with the names of its places and nothing else."""

from sqlglot import exp

from engine.conditions.reading import offset_of
from engine.conditions.tree import IsNull, PlaceRef
from engine.conditions.types import Name, PlaceType
from engine.conditions.unify import Mistake
from engine.conditions.words import quoted
from engine.content.findings import did_you_mean


def place_name(node: exp.Expr, dimension: PlaceType) -> str:
    """Return the place of ``dimension`` that ``node`` spells.

    Raises:
        Mistake: it spells something else.
    """
    if isinstance(node, exp.Null):
        raise Mistake(offset_of(node), f"`{dimension.dimension}` compared with NULL never holds; use IS NULL")
    if isinstance(node, exp.Column) and node.name in dimension.places:
        raise Mistake(offset_of(node), f"a place is written in single quotes: {quoted(node.name)}")
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise Mistake(offset_of(node), f"{dimension} is compared with its places only, such as '{dimension.places[0]}'")
    if node.this not in dimension.places:
        hint = did_you_mean(str(node.this), dimension.places)
        raise Mistake(offset_of(node), f"{dimension} has no place `{node.this}`{hint}")
    return str(node.this)


def unplaced(node: exp.Is, name: str, source: Name) -> IsNull:
    """Return the test that the user has no place in a dimension.

    Raises:
        Mistake: a user may have many places in it, so it is never NULL.
    """
    if isinstance(source.type, PlaceType) and source.type.many:
        raise Mistake(offset_of(node), f"{source.type} is never NULL: a user is in some of its segments or in none")
    return IsNull(PlaceRef(name, source))
