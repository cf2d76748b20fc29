"""Reading typed values from JSON columns in SQL: a value that does not have the declared type is NULL, not an error.

Money is a whole number of minor units, an instant a whole number of milliseconds, a date the text ``YYYY-MM-DD``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.conditions import Name, Scope
from engine.content.value_types import ValueType
from engine.store.dialects import Dialect
from engine.store.dialects.expressions import EXACT

AMOUNT = "amount"
"""The property that has its own column in ``event``."""


@dataclass(frozen=True, slots=True)
class JsonValue:
    """The value of type ``kind`` under ``key`` of a column of JSON objects; NULL if there is no such value.

    ``key`` is a checked name: it has no quotes or backslashes.
    """

    column: str
    key: str
    kind: ValueType

    def sql(self, dialect: Dialect) -> str:
        """Return the SQL expression that reads it."""
        match self.kind:
            case ValueType.INTEGER | ValueType.MONEY | ValueType.INSTANT:
                return dialect.json_whole(self.column, self.key)
            case ValueType.NUMBER:
                return dialect.json_double(self.column, self.key)
            case ValueType.BOOLEAN:
                return dialect.json_truth(self.column, self.key)
            case ValueType.DATE:
                return dialect.json_date(self.column, self.key)
            case ValueType.TEXT:
                return dialect.json_text(self.column, self.key)


def property_name(event: str, key: str, kind: ValueType) -> Name:
    """Return a property of ``event e`` as a name for conditions."""
    if key == AMOUNT:
        # Two amounts near the 64-bit limit would make a sum overflow, and with it the refresh of all other users fail.
        bounded = f"(CASE WHEN e.amount BETWEEN -{EXACT} AND {EXACT} THEN e.amount END)"
        return Name(kind, bounded, frozenset({event}))
    return Name(kind, JsonValue("e.properties", key, kind), frozenset({event}))


def event_scope(events: Mapping[str, Mapping[str, ValueType]], event: str, currency_scale: int) -> Scope:
    """Return the scope of conditions over the properties of one event, ``event e``; empty if it is not declared."""
    names = {key: property_name(event, key, kind) for key, kind in events.get(event, {}).items()}
    return Scope(names, currency_scale, "property")
