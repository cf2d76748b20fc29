"""Reading typed values from JSON columns in SQL: a value that does not have the declared type is NULL, not an error.

Money is a whole number of minor units, an instant a whole number of milliseconds, a date the text ``YYYY-MM-DD``.
"""

from collections.abc import Mapping

from engine.conditions import Name, Scope
from engine.content.value_types import ValueType
from engine.store.dialect import Dialect

_EXACT = 2**53
"""Up to this, whole numbers are the same in both databases and as doubles."""
_LARGE = "1e300"
_WHOLE = frozenset({ValueType.INTEGER, ValueType.MONEY, ValueType.INSTANT})
AMOUNT = "amount"
"""The property that has its own column in ``event``."""


def property_name(event: str, key: str, kind: ValueType) -> Name:
    """Return a property of ``event e`` as a name for conditions."""
    if key == AMOUNT:
        # Two amounts near the 64-bit limit would make a sum overflow, and with it the refresh of all other users fail.
        bounded = f"(CASE WHEN e.amount BETWEEN -{_EXACT} AND {_EXACT} THEN e.amount END)"
        return Name(kind, bounded, sources=frozenset({event}))
    return Name(
        kind,
        json_value(Dialect.SQLITE, "e.properties", key, kind),
        json_value(Dialect.POSTGRES, "e.properties", key, kind),
        frozenset({event}),
    )


def event_scope(events: Mapping[str, Mapping[str, ValueType]], event: str, currency_scale: int) -> Scope:
    """Return the scope of conditions over the properties of one event, ``event e``; empty if it is not declared."""
    names = {key: property_name(event, key, kind) for key, kind in events.get(event, {}).items()}
    return Scope(names, currency_scale, "property")


def json_value(dialect: Dialect, column: str, key: str, kind: ValueType) -> str:
    """Return SQL for the value of type ``kind`` under ``key`` of a JSON object; NULL if there is no such value.

    ``key`` is a checked name: it has no quotes or backslashes.
    """
    if dialect is Dialect.SQLITE:
        return _sqlite(kind, f"json_type({column}, '$.\"{key}\"')", f"json_extract({column}, '$.\"{key}\"')")
    return _postgres(kind, f"jsonb_typeof({column} -> '{key}')", f"({column} ->> '{key}')")


def _sqlite(kind: ValueType, json_type: str, value: str) -> str:
    if kind in _WHOLE:
        within = f"{value} BETWEEN -{_EXACT} AND {_EXACT}"
        whole = f"CAST({value} AS INTEGER)"
        return (
            f"(CASE {json_type} WHEN 'integer' THEN CASE WHEN {within} THEN {value} END"
            f" WHEN 'real' THEN CASE WHEN {within} AND {value} = {whole} THEN {whole} END END)"
        )
    if kind is ValueType.NUMBER:
        within = f"{value} BETWEEN -{_LARGE} AND {_LARGE}"
        return f"(CASE WHEN {json_type} IN ('integer', 'real') AND {within} THEN CAST({value} AS REAL) END)"
    if kind is ValueType.BOOLEAN:
        return f"(CASE {json_type} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"
    if kind is ValueType.DATE:
        day = "[0-9]" * 4 + "-" + "[0-9]" * 2 + "-" + "[0-9]" * 2
        valid = f"{value} GLOB '{day}' AND {value} >= '0001' AND date({value}, '+0 days') = {value}"
        return f"(CASE WHEN {json_type} = 'text' AND {valid} THEN {value} END)"
    return f"(CASE WHEN {json_type} = 'text' THEN {value} END)"


def _postgres(kind: ValueType, json_type: str, value: str) -> str:
    # Nested CASE, because nothing else guarantees that values refused by the outer test are not cast.
    number = f"CAST({value} AS NUMERIC)"
    if kind in _WHOLE:
        test = f"{number} BETWEEN -{_EXACT} AND {_EXACT} AND {number} = trunc({number})"
        return f"(CASE WHEN {json_type} = 'number' THEN CASE WHEN {test} THEN CAST({number} AS BIGINT) END END)"
    if kind is ValueType.NUMBER:
        test = f"{number} BETWEEN -{_LARGE} AND {_LARGE}"
        return (
            f"(CASE WHEN {json_type} = 'number' THEN CASE WHEN {test} THEN CAST({number} AS DOUBLE PRECISION) END END)"
        )
    if kind is ValueType.BOOLEAN:
        return f"(CASE WHEN {json_type} = 'boolean' THEN CAST({value} AS BOOLEAN) END)"
    if kind is ValueType.DATE:
        form = "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
        first = f"CAST(substr({value}, 1, 8) || '01' AS DATE)"
        days = f"extract(day FROM {first} + INTERVAL '1 month' - INTERVAL '1 day')"
        real = f"CAST(substr({value}, 9, 2) AS INTEGER) <= {days}"
        test = f"CASE WHEN {value} ~ '{form}' THEN CASE WHEN {real} THEN {value} END END"
        return f"(CASE WHEN {json_type} = 'string' THEN {test} END)"
    return f"(CASE WHEN {json_type} = 'string' THEN {value} END)"
