"""Reads the tables of a page, and compares the settings in them with the models."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic_core import PydanticUndefined

DOCS = Path(__file__).parents[2] / "docs"
NONE = "none"


def rows(page: str, heading: str = "") -> dict[str, list[str]]:
    """Return the rows of all tables below ``heading``: the word in the first cell -> the other cells."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if heading:
        text = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = {}
    for line in text.splitlines():
        if match := re.match(r"\| `([^`]+)` \|(.*)\|$", line):
            found[match[1]] = [cell.strip() for cell in match[2].split(" | ")]
    return found


def mistakes(model: type[BaseModel], table: dict[str, list[str]], prefix: str, environment: str) -> Iterator[str]:
    """Yield what a table of (key, default, environment, meaning) says otherwise than ``model``."""
    for name, field in model.model_fields.items():
        key = prefix + name
        if key not in table:
            yield f"`{key}` has no row"
            continue
        default, variable, *meaning = table[key]
        if variable != f"`{environment}{name.upper()}`":
            yield f"`{key}`: the variable is {environment}{name.upper()}, not {variable}"
        if not same(field, default):
            yield f"`{key}`: the default is {field.default!r}, not {default}"
        if not any(meaning):
            yield f"`{key}`: has no meaning"


def same(field: Any, cell: str) -> bool:  # noqa: ANN401 - pydantic's FieldInfo
    """Tell whether a cell shows the default of a field, as a file would write it."""
    if field.default is PydanticUndefined:
        return False
    if cell == NONE:
        return field.default is None
    written = tomllib.loads(f"value = {cell.strip('`')}")["value"]
    read = TypeAdapter(field.rebuild_annotation()).validate_python(written)
    return _plain(read) == _plain(field.default)


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
