"""Mistakes in a condition as findings in its file."""

from collections.abc import Iterator

from engine.conditions.condition import parse_condition
from engine.conditions.errors import ConditionErrors
from engine.conditions.types import Scope
from engine.content.document import Document
from engine.content.findings import Finding
from engine.content.locate import KeyPath


def condition_findings(document: Document, where: KeyPath, errors: ConditionErrors) -> list[Finding]:
    """Return a finding for each mistake of the condition at the key ``where``.

    The line is that of the mistake itself, even if the condition spans several lines; the column counts from 1 within
    that line of the condition.
    """
    key = where[-1]
    line = document.value_line(where)
    return [
        Finding(document.path, line + one.line - 1, f"`{key}`, column {one.column}: {one.message}")
        for one in errors.errors
    ]


def loose_findings(document: Document, scope: Scope) -> list[Finding]:
    """Return the mistakes in the conditions of a file whose form is invalid, so that one run shows both kinds."""
    findings: list[Finding] = []
    for where, text in _conditions((), document.data):
        try:
            parse_condition(text, scope)
        except ConditionErrors as errors:
            findings += condition_findings(document, where, errors)
    return findings


def _conditions(where: KeyPath, value: object) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("when", "keep") and isinstance(inner, str):
                yield (*where, key), inner
            else:
                yield from _conditions((*where, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _conditions((*where, index), inner)
