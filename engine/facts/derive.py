"""Which type a fact has, given where it comes from; a sentence where it makes no sense."""

from collections.abc import Mapping

from engine.content.findings import did_you_mean
from engine.content.kinds import FactType
from engine.facts.files import BUILT_IN_ATTRIBUTES

_QUANTITIES = frozenset({FactType.INTEGER, FactType.NUMBER, FactType.MONEY})
_ORDERED = _QUANTITIES | {FactType.INSTANT, FactType.DATE}
RANKED = _QUANTITIES | {FactType.INSTANT}
"""What a quantile can be of."""
_TAKES = {
    "sum": (_QUANTITIES, "adds up numbers and money"),
    "average": (_QUANTITIES, "averages numbers and money"),
    "min": (_ORDERED, "compares numbers, money, instants and dates"),
    "max": (_ORDERED, "compares numbers, money, instants and dates"),
}

Events = Mapping[str, Mapping[str, FactType]]


class Unfit(Exception):
    """A fact's declaration makes no sense; says why and what would."""


def property_type(source: str, target: str, events: Events) -> tuple[str, str | None, FactType | None]:
    """Split ``event.property``; return event, property and the property's type, None where it names an event alone.

    Raises:
        Unfit: the event or property is not declared, or the source takes no such target.
    """
    event, dot, key = target.partition(".")
    if event not in events:
        raise Unfit(f"`{source}`: unknown event `{event}`{did_you_mean(event, events)}")
    if source == "count" and dot:
        raise Unfit(f'`count` counts events: write `{event}`, or `distinct = "{target}"` for different values')
    if not dot:
        if source in {"count", "first", "last"}:
            return event, None, None
        raise Unfit(f"`{source}` is made of an event's property: write `{event}.{next(iter(events[event]), 'amount')}`")
    if key not in events[event]:
        raise Unfit(f"`{source}`: event `{event}` has no property `{key}`{did_you_mean(key, events[event])}")
    return event, key, events[event][key]


def aggregate_type(source: str, of: FactType | None) -> FactType:
    """Return the type of an aggregate of a property of type ``of``, or of an event alone.

    Raises:
        Unfit: the aggregate takes no such type.
    """
    if source in {"count", "distinct"}:
        return FactType.INTEGER
    if of is None:
        return FactType.INSTANT
    takes, what = _TAKES.get(source, (frozenset(FactType), ""))
    if of not in takes:
        raise Unfit(f"`{source}` {what}; the property is {of.value}")
    return FactType.NUMBER if source == "average" and of is FactType.INTEGER else of


def attribute_type(attribute: str, declared: FactType) -> FactType:
    """Return the type of an attribute.

    Raises:
        Unfit: a built-in attribute is declared with another type than it has, or the name cannot be one.
    """
    if set(attribute) & set("\"'\\"):
        raise Unfit(f"`attribute`: no name of an attribute has quotes or backslashes in it: {attribute}")
    built_in = BUILT_IN_ATTRIBUTES.get(attribute)
    if built_in not in {None, declared}:
        raise Unfit(f"`type`: the attribute `{attribute}` is {built_in}, not {declared.value}")
    return declared
