"""What a condition may name: facts and placements, their types and the columns that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.content.value_types import ValueType
from engine.store.dialect import Dialect

__all__ = ["EveryName", "Name", "PlaceType", "Scope", "ValueType", "any_of"]


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

    type: ValueType | PlaceType
    column: str
    postgresql: str | None = None
    sources: frozenset[str] = frozenset()

    def sql(self, dialect: Dialect) -> str:
        """Return the SQL expression that reads this name."""
        if dialect is Dialect.POSTGRES and self.postgresql is not None:
            return self.postgresql
        return self.column


class EveryName(frozenset[str]):
    """Contains every name and iterates over none: what may be broken where the file that declares names cannot be read."""

    def __contains__(self, name: object) -> bool:
        return True


def any_of(*parts: frozenset[str]) -> frozenset[str]:
    """Return the union; it keeps an ``EveryName``."""
    every = next((part for part in parts if isinstance(part, EveryName)), None)
    return every if every is not None else frozenset().union(*parts)


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a condition may use, and how many minor units the brand's currency has (100 for cents)."""

    names: Mapping[str, Name]
    currency_scale: int = 100
    noun: str = "fact or dimension"
    """What a name stands for, in messages."""
    broken: frozenset[str] = frozenset()
    """Names that are declared with mistakes, which are reported there: using them is not another mistake."""
