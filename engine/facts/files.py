"""The form of ``rules/facts.toml``: events with their properties, and facts."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.content.document import Section
from engine.content.kinds import FactType
from engine.content.values import Duration, Name

AGGREGATES = ("count", "sum", "min", "max", "average", "first", "last", "distinct")
SOURCES = (*AGGREGATES, "attribute", "expr", "quantile")


class FactSection(Section):
    """One fact. Exactly one of the sources says where it comes from; the other keys narrow it.

    ``count``, ``first`` and ``last`` name an event (``first``/``last`` of an ``event.property`` give that property of
    the earliest or latest event; of an event alone, its instant). The other aggregates name an ``event.property``.
    """

    count: str | None = None
    sum: str | None = None
    min: str | None = None
    max: str | None = None
    average: str | None = None
    first: str | None = None
    last: str | None = None
    distinct: str | None = None
    attribute: str | None = None
    expr: str | None = None
    quantile: str | None = None
    within: Duration | None = None
    where: str | None = None
    type: FactType | None = None
    buckets: Annotated[int, Field(ge=2, le=100)] = 5
    description: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> "FactSection":
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            found = "none" if not given else ", ".join(f"`{name}`" for name in given)
            raise ValueError(f"a fact has exactly one source of {', '.join(SOURCES)}; found {found}")
        if given[0] not in AGGREGATES and (self.within is not None or self.where is not None):
            raise ValueError(f"`within` and `where` narrow events; a fact from `{given[0]}` has none")
        if self.attribute is not None and self.type is None:
            raise ValueError('a fact from an `attribute` needs a `type`, such as `type = "text"`')
        return self

    @property
    def source(self) -> str:
        """Which of the sources this fact has."""
        return next(name for name in SOURCES if getattr(self, name) is not None)


EventSection = dict[Name, FactType]
"""An event's declared properties and their types."""


class FactsFile(Section):
    """``rules/facts.toml``."""

    events: dict[Name, EventSection] = {}
    facts: dict[Name, FactSection] = {}


BUILT_IN_ATTRIBUTES: dict[str, FactType] = {
    "email": FactType.TEXT,
    "phone": FactType.TEXT,
    "push_token": FactType.TEXT,
    "locale": FactType.TEXT,
    "timezone": FactType.TEXT,
    "country": FactType.TEXT,
    "first_seen_at": FactType.INSTANT,
}
"""Attributes that are columns of ``users``; all others live in its ``attributes``."""

FileKind = Literal["facts", "dimension"]
