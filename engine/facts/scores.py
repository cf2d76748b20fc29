"""Scores: 1 plus the number of calibrated cut points that a value exceeds; the cut points are binds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, text

from engine.facts.model import Fact, FactCatalog
from engine.store.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Cuts:
    """The cut points of all quantile facts that were calibrated."""

    of: Mapping[str, tuple[float, ...]]

    def binds(self, facts: Iterable[Fact]) -> dict[str, float | None]:
        """Return a value for each bind of the scores' SQL; None for those not calibrated, or to other buckets."""
        values: dict[str, float | None] = {}
        for fact in facts:
            cuts = self.of.get(fact.name, ())
            fits = len(cuts) == fact.section.buckets - 1
            values |= {bind: cuts[index] if fits else None for index, bind in enumerate(_binds(fact))}
        return values


def quantiles(catalog: FactCatalog) -> list[Fact]:
    """Return the facts that are scores."""
    return [fact for fact in catalog.facts.values() if fact.section.quantile is not None]


def read_cuts(connection: Connection) -> Cuts:
    """Read the calibrated cut points."""
    rows = connection.execute(text("SELECT fact, CAST(cuts AS TEXT) FROM cut_points"))
    return Cuts({str(fact): tuple(orjson.loads(cuts)) for fact, cuts in rows})


def score_sql(fact: Fact, dialect: Dialect) -> str:
    """Return SQL for the score over ``user_state s``: NULL where the value is, or where nothing is calibrated."""
    value = f"s.fact_{fact.section.quantile}"
    cuts = [bind_sql(bind, dialect) for bind in _binds(fact)]
    steps = " + ".join(f"CASE WHEN {value} > {cut} THEN 1 ELSE 0 END" for cut in cuts)
    return f"(CASE WHEN {value} IS NOT NULL AND {cuts[0]} IS NOT NULL THEN 1 + {steps} END)"


def bind_sql(bind: str, dialect: Dialect) -> str:
    """Return a bind of a double: PostgreSQL wants to be told."""
    return f":{bind}" if dialect is Dialect.SQLITE else f"CAST(:{bind} AS DOUBLE PRECISION)"


def _binds(fact: Fact) -> list[str]:
    return [f"cut_{fact.name}_{number}" for number in range(1, fact.section.buckets)]
