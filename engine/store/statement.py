"""Generated SQL as a statement: ``:name`` is a bind, except inside quotes, where a colon is literal."""

import re

from sqlalchemy import TextClause, text

_LITERAL = re.compile(r"'(?:[^']|'')*'")


def quoted(value: str) -> str:
    """Return ``value`` as SQL text, for SQL that goes through ``statement``."""
    return "'" + value.replace("'", "''") + "'"


def statement(sql: str) -> TextClause:
    """Return ``sql`` ready to execute; text between single quotes is literal."""
    return text(_LITERAL.sub(_as_it_is, sql))


def _as_it_is(literal: re.Match[str]) -> str:
    """Return a quoted text in which SQLAlchemy finds no bind in either of its two notations."""
    quoted_text = literal[0].replace(":", "\\:")
    apart = quoted_text.replace("%(", "%' || '(")
    return quoted_text if apart == quoted_text else f"({apart})"
