"""A rule's name, back to the line of the file that says it."""

from collections.abc import Iterator
from typing import Any

from engine.content.locate import KeyPath
from engine.explain.models import RuleWords
from engine.rules.decide.decisions import INITIAL, NO_RULE
from engine.rules.dimension import Dimension

_KEYS = ("when", "keep", "lock", "grace")


def rule_words(dimension: Dimension, rule: str) -> RuleWords:
    """Return what the file of ``dimension`` says of ``rule``; file and line stay empty where it says nothing."""
    document = dimension.document
    if rule == INITIAL:
        line = document.finding(("dimension", "initial"), "").line
        return RuleWords(rule, "where every user begins", document.path, line)
    if rule == NO_RULE:
        return RuleWords(rule, "no rule asks for anything else", document.path, 0)
    for name, where, said in _rules(dimension):
        if name == rule:
            return RuleWords(rule, said, document.path, document.finding(where, "").line)
    return RuleWords(rule, "", "", 0)


def _rules(dimension: Dimension) -> Iterator[tuple[str, KeyPath, str]]:
    """Yield the rules of a file by the names that the compiler gives them: name, key path, what stands there."""
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
