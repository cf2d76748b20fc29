"""The two databases, and the few words of SQL in which they differ."""

from enum import StrEnum


class Dialect(StrEnum):
    """A database that Habitué runs on; the values are SQLAlchemy's names."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"


def same(dialect: Dialect, left: str, right: str) -> str:
    """Return SQL that is true where both sides are equal or both NULL; never NULL."""
    return f"{left} IS {right}" if dialect is Dialect.SQLITE else f"{left} IS NOT DISTINCT FROM {right}"


def least(dialect: Dialect, *terms: str) -> str:
    """Return SQL for the smallest of ``terms``, none of which may be NULL."""
    if len(terms) == 1:
        return terms[0]
    return f"{'min' if dialect is Dialect.SQLITE else 'least'}({', '.join(terms)})"


def greatest(dialect: Dialect, *terms: str) -> str:
    """Return SQL for the largest of ``terms``, none of which may be NULL."""
    if len(terms) == 1:
        return terms[0]
    return f"{'max' if dialect is Dialect.SQLITE else 'greatest'}({', '.join(terms)})"
