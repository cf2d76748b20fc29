"""Formatting values and atoms for people."""

import re
from collections.abc import Iterator, Mapping

from babel import Locale

from engine.clock import iso
from engine.content.value_types import ValueType
from engine.content.values import span
from engine.explain.models import Value
from engine.money import AmountStyle
from engine.rules.decide.rulebook import Bit
from engine.rules.dimension import PlacementSlot, SlotAtom, SqlAtom
from engine.store.due import Cause

UNKNOWN = "unknown"
CAUSES: Mapping[str, str] = {
    Cause.BEHAVIOUR: "the customer did something, or is new",
    Cause.TIME: "time passed",
    Cause.RULES: "the files were edited",
    Cause.SCORES: "scores were calibrated",
    Cause.IMPORT: "a file was imported",
    Cause.MERGE: "two users were merged",
    Cause.PERSON: "a person decided it",
}
"""The causes of evaluations and transitions, for people."""
_MILLISECONDS = re.compile(r"\b(\d+) ms\b")


def shown_value(kind: ValueType, value: Value, currency: str) -> str:
    """Return a fact's value for people: money with its currency, instants in ISO 8601, None as ``unknown``."""
    if value is None:
        return UNKNOWN
    match kind:
        case ValueType.MONEY:
            return (
                AmountStyle(currency, Locale("en")).write(round(float(value)))
                if isinstance(value, int | float)
                else str(value)
            )
        case ValueType.INSTANT:
            return iso(int(value))
        case ValueType.BOOLEAN:
            return "yes" if value else "no"
        case ValueType.NUMBER:
            return f"{float(value):.6g}"
        case _:
            return str(value)


def atom_words(atom: SqlAtom) -> str:
    """Return an atom's text, with the durations of locks and graces written as in files."""
    if not isinstance(atom, SlotAtom):
        return atom.text
    return _MILLISECONDS.sub(lambda found: span(int(found[1])), atom.text)


def elsewhere(slot: PlacementSlot, place: str | None) -> Iterator[int]:
    """Yield the bits of locks and graces of places other than ``place``, which have no effect on users in it."""
    for rule in slot.book.rules:
        if rule.name not in slot.targets and isinstance(rule.pattern, Bit) and rule.guard != frozenset({place}):
            yield rule.pattern.index
