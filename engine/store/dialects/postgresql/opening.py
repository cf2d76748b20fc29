"""Opening PostgreSQL with the driver psycopg."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, BigInteger, Connection, Engine, TextClause, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from engine.store.dialects.fault import Fault
from engine.store.dialects.opening import Opening
from engine.store.dialects.postgresql.faults import fault_of, fault_of_connecting


class PostgresqlOpening(Opening):
    """Opens a database on a server."""

    @property
    def example(self) -> str:
        """A database on another machine."""
        return "postgresql://user:password@host/database"

    @property
    def shown_options(self) -> frozenset[str]:
        """The options of libpq that say where the server is and how to reach it."""
        return frozenset(
            {"host", "port", "user", "dbname", "sslmode", "connect_timeout", "application_name", "service"}
        )

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """Otherwise each statement would see its own snapshot."""
        return {"isolation_level": "REPEATABLE READ"}

    def open(self, url: URL) -> Engine:
        """Uses psycopg whatever driver the URL names, and replaces broken connections."""
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)

    def file(self, url: URL) -> Path | None:
        """None: a server has the files."""
        return None

    def columns(self, connection: Connection, table: str) -> Mapping[str, str]:
        """The columns in the schema in which tables are created."""
        query = text(
            "SELECT column_name, upper(data_type) FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = :table ORDER BY ordinal_position"
        )
        return {str(name): str(sql_type) for name, sql_type in connection.execute(query, {"table": table})}

    def estimated_rows(self, connection: Connection, table: str) -> int | None:
        """The planner's estimate; it is negative before the first ANALYZE."""
        query = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:table)")
        estimate = connection.execute(query, {"table": table}).scalar()
        return None if estimate is None or estimate < 0 else int(estimate)

    @property
    def json_type(self) -> TypeEngine[Any]:
        """JSONB."""
        return JSONB(none_as_null=True)

    @property
    def row_id_type(self) -> TypeEngine[int]:
        """BIGINT."""
        return BigInteger()

    def partial_index(self, where: TextClause) -> Mapping[str, Any]:
        """PostgreSQL's WHERE clause."""
        return {"postgresql_where": where}

    def fault_of(self, error: BaseException, connection: Connection, statement: str | None) -> Fault:
        """Told by the SQLSTATE."""
        return fault_of(error)

    def fault_of_connecting(self, error: BaseException) -> Fault:
        """Told by the SQLSTATE, for which it tries to connect once more."""
        return fault_of_connecting(error)

    def code_of(self, error: BaseException) -> str | None:
        """The SQLSTATE."""
        return getattr(error, "sqlstate", None)
