"""What a condition may name: facts and placements, their types and the columns that hold them."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from engine.content.kinds import FactType
from engine.store.dialect import Dialect

__all__ = ["AnyOf", "EveryName", "FactType", "Name", "PlaceType", "Scope"]


@dataclass(frozen=True, slots=True)
class PlaceType:
    """The places of one dimension.

    With ``many`` false the column holds one place's name, NULL while the user is unplaced. With ``many`` true
    (segments) it holds the sorted names delimited as ``|basic|personalised|``, and ``|`` when there are none.
    """

    dimension: str
    places: tuple[str, ...]
    many: bool = False

    def __str__(self) -> str:
        return f"the dimension `{self.dimension}`"


@dataclass(frozen=True, slots=True)
class Name:
    """One name that conditions may use.

    ``column`` is the SQL that reads it, such as ``s.fact_spend_365d``; ``postgresql`` replaces it on PostgreSQL where
    the two databases need different words. ``sources`` tells which events, facts or dimensions it is made from.
    """

    type: FactType | PlaceType
    column: str
    postgresql: str | None = None
    sources: frozenset[str] = frozenset()

    def sql(self, dialect: Dialect) -> str:
        """Return the SQL expression that reads this name."""
        if dialect is Dialect.POSTGRES and self.postgresql is not None:
            return self.postgresql
        return self.column


class EveryName:
    """A collection that holds every name: what is broken where the file that declares names cannot be read."""

    def __contains__(self, name: object) -> bool:
        return True


class AnyOf:
    """A collection that holds what any of others holds."""

    def __init__(self, *parts: Container[str]) -> None:
        self._parts = parts

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in self._parts)


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a condition may use, and how many minor units the brand's currency has (100 for cents)."""

    names: Mapping[str, Name]
    currency_scale: int = 100
    noun: str = "fact or dimension"
    """What a name stands for, in messages."""
    broken: Container[str] = frozenset()
    """Names that are declared with mistakes, which are reported there: their use is no further mistake."""
