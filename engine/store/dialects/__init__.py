"""The databases that Habitué runs on: one file or folder each, which holds everything specific to that database."""

from sqlalchemy import Connection

from engine.store.dialects.base import Dialect
from engine.store.dialects.postgresql import POSTGRESQL
from engine.store.dialects.sqlite import SQLITE

__all__ = ["DIALECTS", "Dialect", "dialect_of"]

DIALECTS: tuple[Dialect, ...] = (SQLITE, POSTGRESQL)
"""To add a database, write a file in this folder and add its instance here."""


def dialect_of(connection: Connection) -> Dialect:
    """Return the dialect of the database behind ``connection``."""
    return next(one for one in DIALECTS if one.name == connection.dialect.name)
