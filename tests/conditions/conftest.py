"""One small population in both databases, and a way to ask it for SQL expressions."""

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text

from engine.conditions import PlaceType, ValueType
from engine.store.dialects import DIALECTS, Dialect
from engine.store.dialects.postgresql import POSTGRESQL
from engine.store.statement import statement as sql
from tests.conditions.population import COLUMNS, NOW, population
from tests.conditions.reference import Row, Scalar

TYPES = {
    ValueType.NUMBER: "DOUBLE PRECISION",
    ValueType.TEXT: "TEXT",
    ValueType.DATE: "TEXT",
    ValueType.BOOLEAN: "BOOLEAN",
}


class Population:
    """Rows of users inside one database. No dataclass: hypothesis would print all rows of it."""

    def __init__(self, dialect: Dialect, rows: list[Row], connection: Connection) -> None:
        self.dialect = dialect
        self.rows = rows
        self._connection = connection

    def __repr__(self) -> str:
        return f"Population({self.dialect})"

    def ask(self, *expressions: str, now: int = NOW) -> list[tuple[Scalar, ...]]:
        """The values of SQL ``expressions`` for every row, in the order of the rows."""
        columns = ", ".join(f"{expression} AS c{number}" for number, expression in enumerate(expressions))
        statement = sql(f"SELECT {columns} FROM users AS u ORDER BY u.id")
        parameters = {"now": now} if any(":now" in expression for expression in expressions) else {}
        return [tuple(map(plain, row)) for row in self._connection.execute(statement, parameters)]

    def where(self, expression: str) -> list[int]:
        """The numbers of the rows for which ``expression`` holds."""
        statement = sql(f"SELECT u.id FROM users AS u WHERE {expression} ORDER BY u.id")
        parameters = {"now": NOW} if ":now" in expression else {}
        return [row[0] for row in self._connection.execute(statement, parameters)]


def plain(value: object) -> Scalar:
    """PostgreSQL's numeric as the integer that it is here."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    assert value is None or isinstance(value, int | float | str)
    return value


def fill(connection: Connection, rows: list[Row]) -> None:
    kinds = {name: ValueType.TEXT if isinstance(kind, PlaceType) else kind for name, (kind, _) in COLUMNS.items()}
    columns = ", ".join(f"{name} {TYPES.get(kind, 'BIGINT')}" for name, kind in kinds.items())
    connection.execute(text(f"CREATE TEMPORARY TABLE users (id BIGINT, {columns})"))
    values = ", ".join(f":{name}" for name in ("id", *kinds))
    connection.execute(
        text(f"INSERT INTO users VALUES ({values})"), [{"id": number, **row} for number, row in enumerate(rows)]
    )


@pytest.fixture(scope="session", params=DIALECTS)
def users(request: pytest.FixtureRequest) -> Iterator[Population]:
    """The population in one database, then in the other."""
    dialect: Dialect = request.param
    url = "sqlite://"
    if dialect is POSTGRESQL:
        server: psycopg.Connection = request.getfixturevalue("postgres")
        info = server.info
        url = f"postgresql+psycopg://{info.user}@/{info.dbname}?host={info.host}&port={info.port}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        rows = population(120)
        fill(connection, rows)
        yield Population(dialect, rows, connection)
    engine.dispose()
