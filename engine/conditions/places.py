"""Typing of placements: a dimension can only be compared with the names of its places."""

from sqlglot import exp

from engine.conditions.reading import offset_of
from engine.conditions.tree import IsNull, PlaceRef
from engine.conditions.types import Name, PlaceType
from engine.conditions.unify import NodeError
from engine.content.findings import did_you_mean
from engine.store.statement import quoted


def place_name(node: exp.Expr, dimension: PlaceType) -> str:
    """Return the place of ``dimension`` that ``node`` names.

    Raises:
        NodeError: it names no place of the dimension.
    """
    if isinstance(node, exp.Null):
        raise NodeError(offset_of(node), f"`{dimension.dimension}` compared with NULL never holds; use IS NULL")
    if isinstance(node, exp.Column) and node.name in dimension.places:
        raise NodeError(offset_of(node), f"write the place in single quotes: {quoted(node.name)}")
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise NodeError(
            offset_of(node), f"{dimension} can only be compared with its places, such as '{dimension.places[0]}'"
        )
    if node.this not in dimension.places:
        hint = did_you_mean(str(node.this), dimension.places)
        raise NodeError(offset_of(node), f"{dimension} has no place `{node.this}`{hint}")
    return str(node.this)


def unplaced(node: exp.Is, name: str, source: Name) -> IsNull:
    """Return the test that the user has no place in a dimension.

    Raises:
        NodeError: a user can have several places in it, so it is never NULL.
    """
    if isinstance(source.type, PlaceType) and source.type.many:
        raise NodeError(
            offset_of(node),
            f"{source.type} is never NULL: a user who is in none of its segments has an empty set of them",
        )
    return IsNull(PlaceRef(name, source))
