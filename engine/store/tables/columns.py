"""Column types of the fixed tables."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Text, text
from sqlalchemy.types import TypeEngine
from sqlmodel import Field

from engine.store.dialects import DIALECTS


def _json() -> TypeEngine[Any]:
    kind: TypeEngine[Any] = JSON(none_as_null=True)
    for dialect in DIALECTS:
        kind = kind.with_variant(dialect.json_type, dialect.name)
    return kind


def _row_id() -> TypeEngine[int]:
    kind: TypeEngine[int] = BigInteger()
    for dialect in DIALECTS:
        kind = kind.with_variant(dialect.row_id_type, dialect.name)
    return kind


JsonText = _json()
RowId = _row_id()


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
    """Return a JSON column."""
    return Field(default=None, sa_column=Column(JsonText, nullable=null))


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over those rows alone for which ``where`` holds."""
    options = [dialect.partial_index(text(where)) for dialect in DIALECTS]
    return Index(name, *columns, unique=unique, **{option: value for one in options for option, value in one.items()})
