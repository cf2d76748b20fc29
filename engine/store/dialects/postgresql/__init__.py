"""PostgreSQL 14 or newer: a server that many workers on many machines can share."""

from engine.store.dialects.base import Dialect
from engine.store.dialects.postgresql.expressions import PostgresqlExpressions
from engine.store.dialects.postgresql.opening import PostgresqlOpening
from engine.store.dialects.postgresql.sets import PostgresqlSets


class Postgresql(PostgresqlExpressions, PostgresqlSets, PostgresqlOpening, Dialect):
    """PostgreSQL."""

    @property
    def name(self) -> str:
        """``postgresql``."""
        return "postgresql"


POSTGRESQL = Postgresql()
