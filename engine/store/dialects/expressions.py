"""The part of the port that expressions are made of: what SQL databases have different words for.

Arguments and results are SQL, and NULL gives NULL, unless something else is said. What is not here is written alike for
all: ``coalesce``, ``nullif``, CASE, FILTER, ``CAST`` to BIGINT, DOUBLE PRECISION, TEXT and BOOLEAN, windows.
"""

from abc import ABC, abstractmethod

from engine.store.statement import quoted

EXACT = 2**53
"""Whole numbers up to here are the same in every database and as doubles."""
LARGE = "1e300"
"""Numbers up to here are numbers; what is larger may be none somewhere."""


class Expressions(ABC):
    """SQL for values. A method that has a body here is written as the standard has it."""

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
        """Return how often one whole number, not negative, is contained in another: a whole number."""
        return f"({dividend} / {divisor})"

    @abstractmethod
    def floor(self, number: str) -> str:
        """Return the largest whole number that is not above ``number``."""

    @abstractmethod
    def ceil(self, number: str) -> str:
        """Return the smallest whole number that is not below ``number``."""

    @abstractmethod
    def unbounded(self, whole: str) -> str:
        """Return a 64-bit integer as a number whose products do not overflow, at worst by becoming doubles."""

    @abstractmethod
    def by_code_point(self, text: str) -> str:
        """Return ``text`` so that comparisons order it by code points, whatever the database's collation."""

    def like(self, text: str, pattern: str) -> str:
        r"""Return a test by code points and case.

        ``pattern`` is no SQL but the pattern itself: ``%`` any text, ``_`` one character, ``\`` before either or itself
        takes away its meaning.
        """
        return f"({text} LIKE {quoted(pattern)} ESCAPE '\\')"

    @abstractmethod
    def contains(self, text: str, part: str) -> str:
        """Return a test that ``part`` is in ``text``."""

    @abstractmethod
    def midnight(self, date: str) -> str:
        """Return the instant, in milliseconds, at which a UTC day given as ``YYYY-MM-DD`` begins."""

    # Values out of a column of JSON objects; NULL where there is none of that type. ``key`` is no SQL but the key
    # itself; it has no quotes or backslashes.

    @abstractmethod
    def json_text(self, column: str, key: str) -> str:
        """Return the text under ``key``."""

    @abstractmethod
    def json_whole(self, column: str, key: str) -> str:
        """Return the whole number under ``key``, however it is written, as BIGINT; NULL beyond ``EXACT``."""

    @abstractmethod
    def json_double(self, column: str, key: str) -> str:
        """Return the number under ``key`` as DOUBLE PRECISION; NULL beyond ``LARGE``."""

    @abstractmethod
    def json_truth(self, column: str, key: str) -> str:
        """Return the boolean under ``key``."""

    @abstractmethod
    def json_date(self, column: str, key: str) -> str:
        """Return the text under ``key`` where it is a day of the calendar, ``YYYY-MM-DD``, of the year 1 or later."""

    @abstractmethod
    def as_json(self, text: str) -> str:
        """Return JSON text as a value of a JSON column."""
