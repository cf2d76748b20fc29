"""PostgreSQL's expressions, for JSONB columns and databases of any collation."""

from engine.clock import DAY
from engine.store.dialects.expressions import EXACT, LARGE, Expressions


class PostgresqlExpressions(Expressions):
    """SQL for values, in PostgreSQL."""

    def floor(self, number: str) -> str:
        """As a double, because the function would return a NUMERIC for a NUMERIC."""
        return f"floor(CAST({number} AS DOUBLE PRECISION))"

    def ceil(self, number: str) -> str:
        """As a double, because the function would return a NUMERIC for a NUMERIC."""
        return f"ceil(CAST({number} AS DOUBLE PRECISION))"

    def unbounded(self, whole: str) -> str:
        """As NUMERIC."""
        return f"CAST({whole} AS NUMERIC)"

    def by_code_point(self, text: str) -> str:
        """With the collation that compares bytes."""
        return f'({text} COLLATE "C")'

    def contains(self, text: str, part: str) -> str:
        """With ``strpos``."""
        return f"strpos({text}, {part}) > 0"

    def midnight(self, date: str) -> str:
        """Computed from the number of days between two dates."""
        return f"(CAST(CAST({date} AS DATE) - CAST('1970-01-01' AS DATE) AS BIGINT) * {DAY})"

    # CASE is nested because only that guarantees that what the outer test refuses is not cast.

    def json_text(self, column: str, key: str) -> str:
        """The value if its JSON type is string."""
        return _of_type(column, key, "string", _value(column, key))

    def json_whole(self, column: str, key: str) -> str:
        """A JSON number without a fraction."""
        number = _number(column, key)
        test = f"{number} BETWEEN -{EXACT} AND {EXACT} AND {number} = trunc({number})"
        return _of_type(column, key, "number", f"CASE WHEN {test} THEN CAST({number} AS BIGINT) END")

    def json_double(self, column: str, key: str) -> str:
        """A JSON number."""
        number = _number(column, key)
        test = f"{number} BETWEEN -{LARGE} AND {LARGE}"
        return _of_type(column, key, "number", f"CASE WHEN {test} THEN CAST({number} AS DOUBLE PRECISION) END")

    def json_truth(self, column: str, key: str) -> str:
        """JSON's true or false as a boolean."""
        return _of_type(column, key, "boolean", f"CAST({_value(column, key)} AS BOOLEAN)")

    def json_date(self, column: str, key: str) -> str:
        """A JSON string of the right form whose day exists in its month."""
        value = _value(column, key)
        form = "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
        first = f"CAST(substr({value}, 1, 8) || '01' AS DATE)"
        days = f"extract(day FROM {first} + INTERVAL '1 month' - INTERVAL '1 day')"
        real = f"CAST(substr({value}, 9, 2) AS INTEGER) <= {days}"
        test = f"CASE WHEN {value} ~ '{form}' THEN CASE WHEN {real} THEN {value} END END"
        return _of_type(column, key, "string", test)

    def as_json(self, text: str) -> str:
        """A cast to JSONB."""
        return f"CAST({text} AS JSONB)"


def _value(column: str, key: str) -> str:
    return f"({column} ->> '{key}')"


def _number(column: str, key: str) -> str:
    return f"CAST({_value(column, key)} AS NUMERIC)"


def _of_type(column: str, key: str, json_type: str, value: str) -> str:
    return f"(CASE WHEN jsonb_typeof({column} -> '{key}') = '{json_type}' THEN {value} END)"
