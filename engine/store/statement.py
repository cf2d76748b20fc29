"""Generated SQL as a statement: ``:name`` is a bind, except inside quotes, where a colon is a colon."""

import re

from sqlalchemy import TextClause, text

_LITERAL = re.compile(r"'(?:[^']|'')*'")


def statement(sql: str) -> TextClause:
    """Return ``sql`` ready to execute; what stands between single quotes is taken as it is."""
    return text(_LITERAL.sub(_as_it_is, sql))


def _as_it_is(literal: re.Match[str]) -> str:
    """Return a quoted text in a form in which SQLAlchemy finds no bind of either of its two spellings."""
    quoted = literal[0].replace(":", "\\:")
    apart = quoted.replace("%(", "%' || '(")
    return quoted if apart == quoted else f"({apart})"
