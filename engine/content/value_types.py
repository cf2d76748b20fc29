"""The types of facts, attributes and event properties."""

from enum import StrEnum


class ValueType(StrEnum):
    """Type of a fact, an attribute or an event property; the values are the words used in files.

    Stored as: INTEGER a whole number within ±2**53; NUMBER a double; MONEY minor units (an integer, or a double if it
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
