"""The types that a fact, an attribute or an event's property can have."""

from enum import StrEnum


class FactType(StrEnum):
    """Type of one declared piece of user state; the values are the words that files use.

    Stored as: INTEGER a whole number within ±2**53; NUMBER a double; MONEY minor units (an integer, a double where it
    is an average or a quotient); TEXT Unicode without NUL; BOOLEAN 0/1 on SQLite, boolean on PostgreSQL.
    """

    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    """Minor units of the brand's currency."""
    TEXT = "text"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    """UTC milliseconds."""
    DATE = "date"
    """A calendar day, stored as ``YYYY-MM-DD``."""
