"""The wide table ``user_state``: its columns follow the declared facts and dimensions, and no data is lost silently.

A column that is no longer declared, or is declared with another type, is renamed to ``retired_<name>_<n>``. If it is
declared again with its old type, it gets its old content back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, inspect, text

from engine.errors import SchemaDrift, StoreError
from engine.store.database import Database
from engine.store.dialects import Dialect
from engine.store.migrations import HEAD

SqlType = Literal["BIGINT", "DOUBLE PRECISION", "TEXT", "BOOLEAN"]

TABLE = "user_state"
BASE_COLUMNS = frozenset({"user_id", "edge_at"})

_RETIRED = re.compile(r"retired_(?P<name>.+)_(?P<number>\d+)")
_LONGEST_NAME = 63
"""In characters; a database may silently truncate longer names."""
_MIGRATION_LOCK = 4_810_571
"""Key under which processes take turns to migrate; any constant will do."""


@dataclass(frozen=True, slots=True)
class StateColumn:
    """One declared column of ``user_state``."""

    name: str
    sql_type: SqlType


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column whose declared type differs from its actual type."""

    column: StateColumn
    found: str
    """The actual type, in upper case."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the columns of ``user_state`` differ from the declared ones; false if they do not.

    As the result of ``follow``: the columns added (``missing``), recreated (``retyped``) and retired (``superfluous``).
    """

    missing: tuple[StateColumn, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    superfluous: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.retyped or self.superfluous)

    @property
    def coming(self) -> tuple[StateColumn, ...]:
        """The columns to add: new ones, those of a new type, and those to bring back."""
        return (*self.missing, *(one.column for one in self.retyped))

    def __str__(self) -> str:
        parts = [
            ("missing", [column.name for column in self.missing]),
            ("of another type", [f"{one.column.name} ({one.found})" for one in self.retyped]),
            ("no longer declared", list(self.superfluous)),
        ]
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)


def migrate(database: Database) -> None:
    """Upgrade the fixed tables, and the base of ``user_state``, to the newest revision; quick if they have it already.

    Raises:
        StoreError: the database has a revision that this program does not know, or cannot be written.
    """
    if not database.is_missing:
        with database.read() as connection:
            if _revision(connection) == HEAD:
                return
    with database.write() as connection:
        database.dialect.take_turns(connection, _MIGRATION_LOCK)
        _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    """Return the database's revision; None if it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the database has revision {_revision(connection)}, which this version of Habitué does not know"
            f" (its newest is {HEAD}): run the newer version that wrote it, or restore an earlier backup"
        ) from error


def drift(connection: Connection, dialect: Dialect, declared: Sequence[StateColumn]) -> Drift:
    """Compare ``user_state`` with the declared columns; retired ones do not count."""
    found = _columns(connection, dialect)
    wanted = {column.name for column in declared}
    return Drift(
        missing=tuple(column for column in declared if column.name not in found),
        retyped=tuple(
            Retyped(column, found[column.name])
            for column in declared
            if column.name in found and found[column.name] != column.sql_type
        ),
        superfluous=tuple(name for name in found if name not in wanted | BASE_COLUMNS and not _RETIRED.fullmatch(name)),
    )


def require_columns(connection: Connection, dialect: Dialect, declared: Sequence[StateColumn]) -> None:
    """Check that ``user_state`` has the declared columns.

    Raises:
        SchemaDrift: it does not; the error says how they differ.
    """
    if differences := drift(connection, dialect, declared):
        raise SchemaDrift(f"the files and the columns of user_state differ ({differences}): run `habitue migrate`")


def follow(connection: Connection, dialect: Dialect, declared: Sequence[StateColumn]) -> Drift:
    """Make ``user_state`` follow the declared columns; return the differences that it removed.

    Superfluous and retyped columns are retired under another name. Columns that come (``Drift.coming``) are empty, or
    hold what was true when they were retired: the caller opens a sweep.

    Raises:
        StoreError: a name is longer than the databases allow.
    """
    _check_names(declared)
    found = drift(connection, dialect, declared)
    for name in (*(one.column.name for one in found.retyped), *found.superfluous):
        _retire(connection, dialect, name)
    for column in found.coming:
        _add(connection, dialect, column)
    return found


def retired(connection: Connection, dialect: Dialect) -> tuple[str, ...]:
    """Return the names of the retired columns."""
    return tuple(name for name in _columns(connection, dialect) if _RETIRED.fullmatch(name))


def _columns(connection: Connection, dialect: Dialect) -> Mapping[str, str]:
    """Return name -> type, in upper case, of the existing columns, in their order."""
    found = dialect.columns(connection, TABLE)
    if not found:
        raise StoreError(f"the database has no table {TABLE}: run `habitue migrate`")
    return found


def _check_names(declared: Sequence[StateColumn]) -> None:
    for column in declared:
        if len(column.name) > _LONGEST_NAME:
            raise StoreError(
                f"`{column.name}` is too long for a column: {len(column.name)} characters, at most {_LONGEST_NAME};"
                " shorten the names of the fact, dimension or segment that it is made of"
            )


def _retire(connection: Connection, dialect: Dialect, name: str) -> None:
    there = _columns(connection, dialect)
    number = next(number for number in count(1) if _retired_name(name, number) not in there)
    _rename(connection, name, _retired_name(name, number))


def _retired_name(name: str, number: int) -> str:
    room = _LONGEST_NAME - len(f"retired__{number}")
    return f"retired_{name[:room]}_{number}"


def _add(connection: Connection, dialect: Dialect, column: StateColumn) -> None:
    """Bring back the newest retired column of that name and type, or add a new one."""
    there = _columns(connection, dialect)
    for number in range(len(there), 0, -1):
        kept = _retired_name(column.name, number)
        if there.get(kept) == column.sql_type:
            return _rename(connection, kept, column.name)
    connection.execute(text(f"ALTER TABLE {TABLE} ADD COLUMN {column.name} {column.sql_type}"))
    return None


def _rename(connection: Connection, name: str, to: str) -> None:
    connection.execute(text(f"ALTER TABLE {TABLE} RENAME COLUMN {name} TO {to}"))
