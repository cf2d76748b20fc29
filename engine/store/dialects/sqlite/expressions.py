"""SQLite's expressions. Booleans are 0 and 1, texts compare by code points, products that overflow become doubles."""

from engine.clock import DAY
from engine.store.dialects.expressions import EXACT, LARGE, Expressions
from engine.store.statement import quoted

_DAY_FORM = "-".join(("[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2))


class SqliteExpressions(Expressions):
    """SQL for values, in SQLite."""

    def same(self, left: str, right: str) -> str:
        """IS: only SQLite 3.39 and newer know the standard's wording."""
        return f"{left} IS {right}"

    def least(self, *terms: str) -> str:
        """``min`` with several arguments."""
        return terms[0] if len(terms) == 1 else f"min({', '.join(terms)})"

    def greatest(self, *terms: str) -> str:
        """``max`` with several arguments."""
        return terms[0] if len(terms) == 1 else f"max({', '.join(terms)})"

    def floor(self, number: str) -> str:
        """With a cast, because not every build of SQLite has the function."""
        return _whole(number, f"- ({number} < CAST({number} AS INTEGER))")

    def ceil(self, number: str) -> str:
        """With a cast, because not every build of SQLite has the function."""
        return _whole(number, f"+ ({number} > CAST({number} AS INTEGER))")

    def unbounded(self, whole: str) -> str:
        """Unchanged: a product that overflows becomes a double."""
        return whole

    def by_code_point(self, text: str) -> str:
        """Unchanged: that is SQLite's default collation."""
        return text

    def like(self, text: str, pattern: str) -> str:
        """GLOB, because LIKE ignores the case of ASCII letters."""
        return f"({text} GLOB {quoted(_as_glob(pattern))})"

    def contains(self, text: str, part: str) -> str:
        """``instr``."""
        return f"instr({text}, {part}) > 0"

    def midnight(self, date: str) -> str:
        """Computed from the Julian day, which begins at noon."""
        return f"(CAST(julianday({date}) - 2440587.5 AS INTEGER) * {DAY})"

    def json_text(self, column: str, key: str) -> str:
        """The value if its JSON type is text."""
        return _of_type(column, key, "= 'text'", _value(column, key))

    def json_whole(self, column: str, key: str) -> str:
        """A JSON integer, or a real without a fraction."""
        value = _value(column, key)
        within, whole = f"{value} BETWEEN -{EXACT} AND {EXACT}", f"CAST({value} AS INTEGER)"
        return (
            f"(CASE {_type(column, key)} WHEN 'integer' THEN CASE WHEN {within} THEN {value} END"
            f" WHEN 'real' THEN CASE WHEN {within} AND {value} = {whole} THEN {whole} END END)"
        )

    def json_double(self, column: str, key: str) -> str:
        """A JSON integer or real."""
        value = _value(column, key)
        test = f"IN ('integer', 'real') AND {value} BETWEEN -{LARGE} AND {LARGE}"
        return _of_type(column, key, test, f"CAST({value} AS REAL)")

    def json_truth(self, column: str, key: str) -> str:
        """JSON's true or false as TRUE or FALSE."""
        return f"(CASE {_type(column, key)} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"

    def json_date(self, column: str, key: str) -> str:
        """A JSON text that SQLite's date function returns unchanged."""
        value = _value(column, key)
        valid = f"{value} GLOB '{_DAY_FORM}' AND {value} >= '0001' AND date({value}, '+0 days') = {value}"
        return _of_type(column, key, f"= 'text' AND {valid}", value)

    def as_json(self, text: str) -> str:
        """Unchanged: SQLite stores JSON as text."""
        return text


def _whole(number: str, step: str) -> str:
    # A double of 2**52 or more has no fraction, and may not fit an integer.
    return f"(CASE WHEN abs({number}) < {2**52} THEN CAST({number} AS INTEGER) {step} ELSE {number} END)"


def _type(column: str, key: str) -> str:
    return f"json_type({column}, '$.\"{key}\"')"


def _value(column: str, key: str) -> str:
    return f"json_extract({column}, '$.\"{key}\"')"


def _of_type(column: str, key: str, test: str, value: str) -> str:
    return f"(CASE WHEN {_type(column, key)} {test} THEN {value} END)"


def _as_glob(pattern: str) -> str:
    """Return the pattern of LIKE with a backslash for escapes as one of GLOB."""
    found, escaped = [], False
    for character in pattern:
        if not escaped and character == "\\":
            escaped = True
            continue
        if escaped or character not in "%_":
            found.append(f"[{character}]" if character in "*?[" else character)
        else:
            found.append("*" if character == "%" else "?")
        escaped = False
    return "".join(found)
