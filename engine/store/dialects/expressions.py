"""The part of the port for expressions: what databases write differently in SQL.

Arguments and results are SQL, and a NULL argument gives NULL, unless a method says otherwise. Whatever is not here is
written the same way for every database: ``coalesce``, ``nullif``, CASE, FILTER, window functions, and ``CAST`` to BIGINT,
DOUBLE PRECISION, TEXT and BOOLEAN.
"""

from abc import ABC, abstractmethod

from engine.store.statement import quoted

EXACT = 2**53
"""Whole numbers up to here are the same in every database and as doubles."""
LARGE = "1e300"
"""Doubles up to here are accepted; some databases cannot store larger ones."""


class Expressions(ABC):
    """SQL for values. The methods implemented here return standard SQL."""

    def same(self, left: str, right: str) -> str:
        """Return a test that is true where both sides are equal or both NULL; never NULL."""
        return f"{left} IS NOT DISTINCT FROM {right}"

    def least(self, *terms: str) -> str:
        """Return the smallest of ``terms``, none of which may be NULL."""
        return terms[0] if len(terms) == 1 else f"least({', '.join(terms)})"

    def greatest(self, *terms: str) -> str:
        """Return the largest of ``terms``, none of which may be NULL."""
        return terms[0] if len(terms) == 1 else f"greatest({', '.join(terms)})"

    def whole_quotient(self, dividend: str, divisor: str) -> str:
        """Return the integer quotient of two whole numbers; ``dividend`` is not negative."""
        return f"({dividend} / {divisor})"

    @abstractmethod
    def floor(self, number: str) -> str:
        """Return the largest whole number that is not above ``number``."""

    @abstractmethod
    def ceil(self, number: str) -> str:
        """Return the smallest whole number that is not below ``number``."""

    @abstractmethod
    def unbounded(self, whole: str) -> str:
        """Return a 64-bit integer as a type whose products cannot overflow; they may become doubles instead."""

    @abstractmethod
    def by_code_point(self, text: str) -> str:
        """Return ``text`` such that it compares by code points, whatever the database's collation."""

    def like(self, text: str, pattern: str) -> str:
        r"""Return a case-sensitive test of ``text`` against a pattern, character by character.

        ``pattern`` is not SQL but the pattern itself: ``%`` stands for any text, ``_`` for one character, and ``\``
        escapes either of them and itself.
        """
        return f"({text} LIKE {quoted(pattern)} ESCAPE '\\')"

    @abstractmethod
    def contains(self, text: str, part: str) -> str:
        """Return a test whether ``text`` contains ``part``."""

    @abstractmethod
    def midnight(self, date: str) -> str:
        """Return the start, in UTC milliseconds, of the day ``date``, a text ``YYYY-MM-DD``."""

    # Values from a column of JSON objects; NULL if the value is missing or of another type. ``key`` is not SQL but the
    # key itself; it contains no quotes or backslashes.

    @abstractmethod
    def json_text(self, column: str, key: str) -> str:
        """Return the text under ``key``."""

    @abstractmethod
    def json_whole(self, column: str, key: str) -> str:
        """Return the whole number under ``key``, also if it is written as 3.0, as BIGINT; NULL beyond ``EXACT``."""

    @abstractmethod
    def json_double(self, column: str, key: str) -> str:
        """Return the number under ``key`` as DOUBLE PRECISION; NULL beyond ``LARGE``."""

    @abstractmethod
    def json_truth(self, column: str, key: str) -> str:
        """Return the boolean under ``key``."""

    @abstractmethod
    def json_date(self, column: str, key: str) -> str:
        """Return the text under ``key`` if it is a valid date ``YYYY-MM-DD`` of the year 1 or later."""

    @abstractmethod
    def as_json(self, text: str) -> str:
        """Return ``text``, which contains JSON, as a value for a JSON column."""
