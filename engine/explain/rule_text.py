"""From a rule's name to its text, file and line."""

from collections.abc import Iterator
from typing import Any

from engine.content.locate import KeyPath
from engine.explain.models import RuleText
from engine.rules.decide.decisions import INITIAL, NO_RULE
from engine.rules.dimension import Dimension

_KEYS = ("when", "keep", "lock", "grace")


def rule_text(dimension: Dimension, rule: str) -> RuleText:
    """Return the text of ``rule`` in the file of ``dimension``; file and line are empty if the file has no such rule."""
    document = dimension.document
    if rule == INITIAL:
        line = document.finding(("dimension", "initial"), "").line
        return RuleText(rule, "where every user starts", document.path, line)
    if rule == NO_RULE:
        return RuleText(rule, "no rule says otherwise", document.path, 0)
    for name, where, said in _rules(dimension):
        if name == rule:
            return RuleText(rule, said, document.path, document.finding(where, "").line)
    return RuleText(rule, "", "", 0)


def _rules(dimension: Dimension) -> Iterator[tuple[str, KeyPath, str]]:
    """Yield the rules of a file: the name that the compiler gives it, its key path, its text."""
    data = dimension.document.data
    for section in ("tier", "segment", "stage"):
        for index, one in enumerate(data.get(section, ())):
            for key in _KEYS:
                yield f"{dimension.name}.{one['name']}.{key}", (section, index, key), _said(one, key)
    for index, one in enumerate(data.get("transition", ())):
        name = one.get("name") or f"{index + 1}.to_{one['to']}"
        yield f"{dimension.name}.{name}", ("transition", index, "when"), _said(one, "when")


def _said(section: dict[str, Any], key: str) -> str:
    if key in {"lock", "grace"}:
        return f"{key} = {section.get(key, '')}"
    return str(section.get(key, ""))
