"""A content file, parsed: its data, checked against a pydantic model, and the line of each key."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.content.findings import Finding, Severity, did_you_mean
from engine.content.locate import KeyPath, line_of, locate


Model = TypeVar("Model", bound="Section")


class Section(BaseModel):
    """Base of every model of a content file: unknown keys are errors, instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its path, its parsed data and where its keys stand."""

    path: str
    data: Mapping[str, Any]
    lines: dict[KeyPath, int]

    def finding(self, where: KeyPath, message: str, severity: Severity = "error") -> Finding:
        """Return a finding at the line of the key ``where``."""
        return Finding(self.path, line_of(self.lines, where), message, severity)


def parse_document(path: str, text: str) -> Document | Finding:
    """Parse TOML; return a finding with its line where it is not well formed."""
    try:
        return Document(path, tomllib.loads(text), locate(text))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column \d+\)", str(error))
        what = re.sub(r"\s*\(at .*\)$", "", str(error))
        return Finding(path, int(place[1]) if place else len(text.splitlines()), f"not valid TOML: {what}")


def validate(model: type[Model], document: Document) -> tuple[Model | None, list[Finding]]:
    """Check a document against ``model``; return the instance, or None and a finding for each mistake."""
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        return None, [_finding(model, document, mistake) for mistake in error.errors()]


def _finding(model: type[Section], document: Document, mistake: Any) -> Finding:  # noqa: ANN401 - pydantic's TypedDict
    where = tuple(part for part in mistake["loc"] if _is_key(part, document))
    kind, context = mistake["type"], mistake.get("ctx", {})
    key = str(where[-1]) if where else ""
    if kind == "extra_forbidden":
        message = f"unknown key `{key}`{did_you_mean(key, _known_keys(model, where[:-1]))}"
    elif kind == "missing":
        message = f"`{mistake['loc'][-1]}` is missing"
    elif kind == "value_error":
        message = str(context["error"])
    else:
        said = mistake["msg"][0].lower() + mistake["msg"][1:]
        message = f"`{key}`: {said}, not {mistake['input']!r}" if key else said
    return document.finding(where, message)


def _is_key(part: object, document: Document) -> bool:
    """Tell the parts of pydantic's location that are keys of the file from the names of union members."""
    return isinstance(part, int) or any(part in path for path in document.lines) or part in document.data


def _known_keys(model: type[Section], where: tuple[object, ...]) -> list[str]:
    """Return the keys that ``model`` allows at ``where``, following nested sections."""
    current: type[BaseModel] | None = model
    for part in where:
        if isinstance(part, int) or current is None:
            continue
        field = next((f for n, f in current.model_fields.items() if part in (n, f.alias)), None)
        current = _section(field.annotation) if field else current
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _section(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type form
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _section(argument)) is not None:
            return found
    return None
