"""Values, durations, sources of facts and atoms, in the form in which people read them."""

import re
from collections.abc import Iterator, Mapping

from babel import Locale

from engine.clock import DAY, HOUR, MINUTE, SECOND, iso
from engine.content.kinds import FactType
from engine.explain.models import Value
from engine.facts.model import Fact
from engine.money import AmountStyle
from engine.rules.decide.rulebook import Bit
from engine.rules.dimension import Leaf, OwnAtom, Slot
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
"""What the causes of looks and transitions are, for people."""
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))
_MILLISECONDS = re.compile(r"\b(\d+) ms\b")


def span(milliseconds: int) -> str:
    """Return a duration as files write it, in at most two units: ``30d``, ``1h 30m``, ``0s``."""
    parts: list[str] = []
    left = milliseconds
    for length, unit in _UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


def shown_value(kind: FactType, value: Value, currency: str) -> str:
    """Return a fact's value for people: money with its currency, instants in ISO 8601, None as ``unknown``."""
    if value is None:
        return UNKNOWN
    match kind:
        case FactType.MONEY:
            return (
                AmountStyle(currency, Locale("en")).write(round(float(value)))
                if isinstance(value, int | float)
                else str(value)
            )
        case FactType.INSTANT:
            return iso(int(value))
        case FactType.BOOLEAN:
            return "yes" if value else "no"
        case FactType.NUMBER:
            return f"{float(value):.6g}"
        case _:
            return str(value)


def source_words(fact: Fact) -> str:
    """Say in words where a fact comes from."""
    section, source = fact.section, fact.source
    target = str(getattr(section, source))
    if source == "attribute":
        return f"the attribute {target}"
    if source == "expr":
        return target
    if source == "quantile":
        return f"1 to {section.buckets} by {target}"
    within = "" if section.within is None else f" of the last {span(section.within)}"
    where = "" if section.where is None else f" where {section.where}"
    return f"{_aggregate_words(fact, target)}{within}{where}"


def _aggregate_words(fact: Fact, target: str) -> str:
    if fact.source in {"first", "last"}:
        which = "earliest" if fact.source == "first" else "latest"
        return f"{fact.of} of the {which} {fact.event}" if fact.of else f"when the {which} {fact.event} was"
    words = {"count": "number of", "sum": "sum of", "distinct": "number of different", "average": "average of"}
    return f"{words.get(fact.source, 'smallest' if fact.source == 'min' else 'largest')} {target}"


def atom_words(atom: Leaf) -> str:
    """Return an atom's text; durations of locks and graces as files write them."""
    if not isinstance(atom, OwnAtom):
        return atom.text
    return _MILLISECONDS.sub(lambda found: span(int(found[1])), atom.text)


def elsewhere(slot: Slot, place: str | None) -> Iterator[int]:
    """Yield the bits of locks and graces of other places than ``place``: they mean nothing to who stands there."""
    for rule in slot.book.rules:
        if rule.name not in slot.targets and isinstance(rule.pattern, Bit) and rule.guard != frozenset({place}):
            yield rule.pattern.index
