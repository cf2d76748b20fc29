"""The names that conditions can use: facts and placements, with their types and columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.content.value_types import ValueType
from engine.store.dialects import Dialect

__all__ = ["EveryName", "Name", "PlaceType", "Scope", "ValueType", "any_of"]


@dataclass(frozen=True, slots=True)
class PlaceType:
    """The places of one dimension.

    If ``many`` is false, the column has the name of one place, or NULL while the user is unplaced. If it is true
    (segments), the column has the sorted names, as in ``|basic|personalised|``, or ``|`` if there are none.
    """

    dimension: str
    places: tuple[str, ...]
    many: bool = False

    def __str__(self) -> str:
        return f"the dimension `{self.dimension}`"


class HasSql(Protocol):
    """A value that databases read with different SQL. It must be hashable and comparable."""

    def sql(self, dialect: Dialect) -> str:
        """Return the SQL expression that reads it."""
        ...


@dataclass(frozen=True, slots=True)
class Name:
    """One name that conditions can use.

    ``column`` is the SQL that reads it, such as ``s.fact_spend_365d``, or returns it for a dialect. ``sources`` are the
    events, facts or dimensions from which it is computed.
    """

    type: ValueType | PlaceType
    column: str | HasSql
    sources: frozenset[str] = frozenset()

    def sql(self, dialect: Dialect) -> str:
        """Return the SQL expression that reads this name."""
        return self.column if isinstance(self.column, str) else self.column.sql(dialect)


class EveryName(frozenset[str]):
    """Contains every name but iterates over none: any name may be broken if the file that declares them is unreadable."""

    def __contains__(self, name: object) -> bool:
        return True


def any_of(*parts: frozenset[str]) -> frozenset[str]:
    """Return the union; an ``EveryName`` among the parts is kept."""
    every = next((part for part in parts if isinstance(part, EveryName)), None)
    return every if every is not None else frozenset().union(*parts)


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a condition can use, and how many minor units make one unit of the currency (100 for cents)."""

    names: Mapping[str, Name]
    currency_scale: int = 100
    noun: str = "fact or dimension"
    """What messages call a name."""
    broken: frozenset[str] = frozenset()
    """Names whose declarations have mistakes. These are reported at the declaration, so uses are not reported again."""
