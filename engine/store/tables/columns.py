"""Column types of the fixed tables."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

JsonText = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# SQLite numbers rows itself only if the key's type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def row_id() -> Any:  # noqa: ANN401 - SQLModel's Field is typed as Any
    """Return a primary key that the database numbers itself."""
    return Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))


def text_column(*, null: bool = False, **options: Any) -> Any:  # noqa: ANN401
    """Return a text column."""
    return Field(default=None, sa_column=Column(Text, nullable=null, **options))


def big(*, null: bool = False, **options: Any) -> Any:  # noqa: ANN401
    """Return a 64-bit integer column: instants in UTC milliseconds, ids, minor units of money."""
    return Field(default=None, sa_column=Column(BigInteger, nullable=null, **options))


def json_column(*, null: bool = True) -> Any:  # noqa: ANN401
    """Return a JSON column: JSONB on PostgreSQL."""
    return Field(default=None, sa_column=Column(JsonText, nullable=null))
