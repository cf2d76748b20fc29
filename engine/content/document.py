"""A parsed content file: its data, checked against a pydantic model, and the line of each key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.content.findings import Finding, Severity, did_you_mean
from engine.content.locate import KeyPath, line_of, locate
from engine.text_file import parse_toml

Model = TypeVar("Model", bound="Section")
_OPENS = re.compile(r"""=\s*("{3}|'{3})\s*$""")
_NAME_RULE = (
    "a name consists of lower-case letters, digits and underscores, starts with a letter, and has at most 48 characters"
)


_INSTEAD = re.compile(r", not .*", re.DOTALL)


class SectionError(ValueError):
    """A mistake found by a section's validator, at the key ``where`` in that section."""

    def __init__(self, message: str, *where: str | int) -> None:
        super().__init__(message)
        self.where = where


class Section(BaseModel):
    """Base of all models of content files: unknown keys are errors, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its path, its parsed data, and the line of each key."""

    path: str
    data: Mapping[str, Any]
    lines: dict[KeyPath, int]
    text: str = ""

    def finding(self, where: KeyPath, message: str, severity: Severity = "error") -> Finding:
        """Return a finding at the line of key ``where``."""
        return Finding(self.path, line_of(self.lines, where), message, severity)

    def value_line(self, where: KeyPath) -> int:
        """Return the line on which the text at a key starts; TOML drops a line break after the opening quotes."""
        line = line_of(self.lines, where)
        return line + bool(_OPENS.search(self.text.split("\n")[line - 1]))


def parse_document(path: str, text: str) -> Document | Finding:
    """Parse TOML; return a finding with its line if it is malformed."""
    try:
        return Document(path, parse_toml(text), locate(text), text)
    except ValueError as error:  # also raised by an integer with thousands of digits
        place = re.search(r"\(at line (\d+), column \d+\)", str(error))
        what = re.sub(r"\s*\(at .*\)$", "", str(error))
        return Finding(path, int(place[1]) if place else text.count("\n") + 1, f"not valid TOML: {what}")


def validate(
    model: type[Model], document: Document, at: KeyPath = (), data: Mapping[str, Any] | None = None
) -> tuple[Model | None, list[Finding]]:
    """Check a document against ``model``; return the instance, or None and a finding for each mistake.

    ``data`` is the part to check, if it is not the whole document, and ``at`` is its key path.
    """
    try:
        return model.model_validate(document.data if data is None else data), []
    except ValidationError as error:
        return None, _findings(model, document, at, error)


def keys_of(model: type[Section]) -> tuple[str, ...]:
    """Return the keys that ``model`` has in a file."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _findings(model: type[Section], document: Document, at: KeyPath, error: ValidationError) -> list[Finding]:
    """Return one finding for each key, even if its value fits none of several types."""
    found: dict[KeyPath, Finding] = {}
    others: list[Finding] = []
    for mistake in error.errors():
        where = (*at, *(part for part in mistake["loc"] if _is_key(part, document)))
        finding = _finding(model, document, where, mistake, len(at))
        if not mistake["type"].endswith("_type"):
            others.append(finding)
        elif where in found:
            other = _INSTEAD.sub("", found[where].message)
            found[where] = replace(finding, message=f"{other} or {finding.message.partition('valid ')[2]}")
        else:
            found[where] = finding
    return [*others, *found.values()]


def _finding(
    model: type[Section],
    document: Document,
    where: KeyPath,
    mistake: Any,  # noqa: ANN401
    depth: int,
) -> Finding:
    kind, context = mistake["type"], mistake.get("ctx", {})
    key = next((part for part in reversed(where) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        message = f"unknown key `{key}`{did_you_mean(key, _known_keys(model, where[depth:-1]))}"
    elif kind == "missing":
        message = f"`{mistake['loc'][-1]}` is missing"
    elif kind == "value_error":
        message = str(context["error"])
        where += getattr(context["error"], "where", ())
    elif kind == "string_pattern_mismatch":
        message = f"`{mistake['input']}`: {_NAME_RULE}"
    else:
        said = mistake["msg"][0].lower() + mistake["msg"][1:]
        message = f"`{key}`: {said}, not {_shown(mistake['input'])}" if key else said
    return document.finding(where, message)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _is_key(part: object, document: Document) -> bool:
    """Tell whether ``part`` of pydantic's location is a key of the file, not the name of a union member."""
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
