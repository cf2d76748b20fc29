"""A database that the program does not know, in one file: DuckDB in memory, for reading only."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import duckdb
from sqlalchemy import JSON, URL, BigInteger, Connection, Engine, TextClause, text
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.types import TypeEngine

from engine.clock import DAY
from engine.errors import StoreError
from engine.store.dialects import Dialect
from engine.store.dialects.expressions import EXACT, LARGE
from engine.store.dialects.fault import Fault
from engine.store.dialects.sets import ColumnType, Load

_COMPILER = DefaultDialect(paramstyle="numeric_dollar")
_FAULTS: tuple[tuple[type[Exception], Fault], ...] = (
    (duckdb.ConversionException, Fault.VALUE),
    (duckdb.OutOfRangeException, Fault.VALUE),
    (duckdb.InvalidInputException, Fault.VALUE),
    (duckdb.CatalogException, Fault.UNKNOWN_NAME),
    (duckdb.BinderException, Fault.UNKNOWN_NAME),
    (duckdb.ConstraintException, Fault.CONSTRAINT),
    (duckdb.TransactionException, Fault.CONFLICT),
    (duckdb.OutOfMemoryException, Fault.OVERLOADED),
)


class DuckDb(Dialect):
    """DuckDB. ``/`` always yields a double; only one process uses the database, so there are no locks."""

    name = "duckdb"
    example = "duckdb:///:memory:"
    shown_options = frozenset[str]()
    snapshot: Mapping[str, Any] = {}
    key_type = "BIGINT"
    json_type: TypeEngine[Any] = JSON(none_as_null=True)
    row_id_type: TypeEngine[int] = BigInteger()

    # --- expressions ---------------------------------------------------------------------------------------------

    def whole_quotient(self, dividend: str, divisor: str) -> str:
        return f"({dividend} // {divisor})"

    def floor(self, number: str) -> str:
        return f"floor(CAST({number} AS DOUBLE))"

    def ceil(self, number: str) -> str:
        return f"ceil(CAST({number} AS DOUBLE))"

    def unbounded(self, whole: str) -> str:
        return f"CAST({whole} AS DOUBLE)"

    def by_code_point(self, text: str) -> str:
        return text

    def contains(self, text: str, part: str) -> str:
        return f"contains({text}, {part})"

    def midnight(self, date: str) -> str:
        return f"(CAST(CAST({date} AS DATE) - DATE '1970-01-01' AS BIGINT) * {DAY})"

    def json_text(self, column: str, key: str) -> str:
        return _of_type(column, key, ("VARCHAR",), _value(column, key))

    def json_whole(self, column: str, key: str) -> str:
        number = f"CAST({_value(column, key)} AS DOUBLE)"
        test = f"{number} BETWEEN -{EXACT} AND {EXACT} AND {number} = trunc({number})"
        return _of_type(column, key, _NUMBERS, f"CASE WHEN {test} THEN CAST({number} AS BIGINT) END")

    def json_double(self, column: str, key: str) -> str:
        number = f"CAST({_value(column, key)} AS DOUBLE)"
        test = f"{number} BETWEEN -{LARGE} AND {LARGE}"
        return _of_type(column, key, _NUMBERS, f"CASE WHEN {test} THEN {number} END")

    def json_truth(self, column: str, key: str) -> str:
        return _of_type(column, key, ("BOOLEAN",), f"CAST({_value(column, key)} AS BOOLEAN)")

    def json_date(self, column: str, key: str) -> str:
        value = _value(column, key)
        form = f"regexp_full_match({value}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') AND {value} >= '0001'"
        real = f"CASE WHEN {form} AND TRY_CAST({value} AS DATE) IS NOT NULL THEN {value} END"
        return _of_type(column, key, ("VARCHAR",), real)

    def as_json(self, text: str) -> str:
        return f"CAST({text} AS JSON)"

    # --- sets ----------------------------------------------------------------------------------------------------

    def rows(self, parameter: str, columns: Mapping[str, ColumnType]) -> str:
        listed = ", ".join(
            f"CAST(v ->> '$[{i}]' AS {kind}) AS {name}" for i, (name, kind) in enumerate(columns.items())
        )
        return f"""(SELECT {listed} FROM (SELECT unnest(from_json(CAST(:{parameter} AS JSON), '["JSON"]')) AS v))"""

    def elements(self, parameter: str) -> str:
        return f"""(SELECT unnest(from_json(CAST(:{parameter} AS JSON), '["VARCHAR"]')) AS value) AS k"""

    def create_temporary(self, name: str, columns: str, *, clustered: bool) -> str:
        return f"CREATE TEMPORARY TABLE {name} ({columns})"

    def analyse_temporary(self, name: str, columns: Sequence[str] = ()) -> str:
        return f"ANALYZE {name}"

    def insert_new(self, connection: Connection, load: Load, rows: Sequence[tuple[object, ...]]) -> int:
        raise NotImplementedError("DuckDB is only read here")

    def lock(self, alias: str) -> str:
        return ""

    def lock_free(self, alias: str = "") -> str:
        return ""

    def among_free(self, query: str) -> str:
        return f"IN ({query})"

    def lock_table(self, connection: Connection, table: str) -> None:
        pass

    def share_table(self, connection: Connection, table: str) -> None:
        pass

    def take_turns(self, connection: Connection, key: int) -> None:
        pass

    # --- the whole -----------------------------------------------------------------------------------------------

    def open(self, url: URL) -> Engine:
        raise StoreError("store.url: DuckDB is only read here")

    def file(self, url: URL) -> Path | None:
        return None

    def columns(self, connection: Connection, table: str) -> Mapping[str, str]:
        query = text(
            "SELECT column_name, upper(data_type) FROM information_schema.columns WHERE table_name = :table"
            " ORDER BY ordinal_position"
        )
        return {str(name): str(sql_type) for name, sql_type in connection.execute(query, {"table": table})}

    def estimated_rows(self, connection: Connection, table: str) -> int | None:
        query = text("SELECT estimated_size FROM duckdb_tables() WHERE table_name = :table")
        found: int | None = connection.execute(query, {"table": table}).scalar()
        return found

    def partial_index(self, where: TextClause) -> Mapping[str, Any]:
        return {}

    def fault_of(self, error: BaseException, connection: Connection, statement: str | None) -> Fault:
        return next((fault for kind, fault in _FAULTS if isinstance(error, kind)), Fault.OTHER)

    def fault_of_connecting(self, error: BaseException) -> Fault:
        return Fault.CANNOT_OPEN if isinstance(error, duckdb.IOException) else Fault.OTHER

    def code_of(self, error: BaseException) -> str | None:
        return None


_NUMBERS = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")


def _value(column: str, key: str) -> str:
    return f"({column} ->> '$.\"{key}\"')"


def _of_type(column: str, key: str, types: Iterable[str], value: str) -> str:
    listed = ", ".join(f"'{one}'" for one in types)
    return f"(CASE WHEN json_type({column}, '$.\"{key}\"') IN ({listed}) THEN {value} END)"


DUCKDB = DuckDb()


class _Answer:
    """A statement's result, with those of SQLAlchemy's methods that the program uses."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def __iter__(self) -> Any:
        return iter(self._rows)

    def all(self) -> list[tuple[Any, ...]]:
        return self._rows

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    @property
    def rowcount(self) -> int:
        """The number of changed rows, which DuckDB returns as a row."""
        return int(self._rows[0][0])


class _Memory:
    """A database in memory behind the interface of ``sqlalchemy.Connection``, for which DuckDB has no driver of its own."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()

    def execute(self, clause: TextClause, binds: Any = None) -> _Answer:
        compiled = clause.compile(dialect=_COMPILER)
        names = compiled.positiontup or []
        if isinstance(binds, list):
            self._connection.executemany(str(compiled), [[row[name] for name in names] for row in binds])
            return _Answer([(len(binds),)])
        return _Answer(self._connection.execute(str(compiled), [binds[name] for name in names]).fetchall())

    def close(self) -> None:
        self._connection.close()


def memory() -> "closing[Connection]":
    """Open an empty database, for a ``with`` statement."""
    return closing(cast("Connection", _Memory()))
