"""Statements that fail, and all that their errors show."""

import traceback

from sqlalchemy import text

from engine.store.database import Database


def shown(error: BaseException) -> str:
    """All that a traceback of ``error`` would print, but for lines of code."""
    found: list[str] = []
    link: BaseException | None = error
    while link is not None:
        found += traceback.format_exception_only(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "".join(found)


def ask(database: Database, *statements: str, **values: str) -> None:
    """Run statements in one transaction."""
    with database.write() as connection:
        for statement in statements:
            result = connection.execute(text(statement), values)
            if result.returns_rows:
                result.all()
