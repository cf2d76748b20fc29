"""``quantile = "spend"``: a score from 1 to ``buckets``, by the rank of a fact's value among all users.

A score is 1 plus the number of calibrated cut points that the value exceeds. The cut points are binds, so that a
calibration changes no SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

import orjson
from pydantic import Field
from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.value_types import ValueType
from engine.facts.sources.base import FactSection, FactSource, FactSourceKind, Layer, SqlContext
from engine.facts.sources.declaration import Declaration
from engine.facts.sources.events import QUANTITIES

_RANKED = QUANTITIES | {ValueType.INSTANT}


class _QuantileForm(FactSection):
    quantile: str
    buckets: Annotated[int, Field(ge=2, le=100)] = 5


@dataclass(frozen=True)
class Quantile(FactSource):
    """The score of another fact's value."""

    fact: str
    """The name of the score itself, which its binds contain."""
    of: str
    """The fact that is scored."""
    buckets: int

    @property
    def layer(self) -> Layer:
        """The layer of facts computed from other facts."""
        return Layer.FACTS

    @property
    def needs(self) -> frozenset[str]:
        """The fact that is scored."""
        return frozenset({self.of})

    @property
    def calibrated(self) -> bool:
        """Always true: a score depends on its cut points."""
        return True

    @property
    def value(self) -> str:
        """The column of ``user_state`` that is scored."""
        return f"fact_{self.of}"

    def sql(self, context: SqlContext) -> str:
        """Return the score; NULL if the value is NULL or the score has not been calibrated."""
        cuts = [f"CAST(:{bind} AS DOUBLE PRECISION)" for bind in self._binds()]
        steps = " + ".join(f"CASE WHEN s.{self.value} > {cut} THEN 1 ELSE 0 END" for cut in cuts)
        return f"(CASE WHEN s.{self.value} IS NOT NULL AND {cuts[0]} IS NOT NULL THEN 1 + {steps} END)"

    def words(self) -> str:
        """Return ``1 to 5 by spend``."""
        return f"1 to {self.buckets} by {self.of}"

    def binds(self, cuts: tuple[float, ...]) -> dict[str, float | None]:
        """Return a value for each bind of its SQL; None if there are no cut points for this number of buckets."""
        fits = len(cuts) == self.buckets - 1
        return {bind: cuts[index] if fits else None for index, bind in enumerate(self._binds())}

    def _binds(self) -> list[str]:
        return [f"cut_{self.fact}_{number}" for number in range(1, self.buckets)]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The cut points of one score, as they were stored."""

    cuts: tuple[float, ...]
    """Empty if nobody had a value."""
    values: int | None
    """How many users had a value; None if that was not counted then."""
    at: Instant

    def fits(self, source: Quantile) -> bool:
        """Tell whether there are as many cut points as the score has buckets."""
        return len(self.cuts) == source.buckets - 1


def read_calibrations(connection: Connection, at: Instant | None = None) -> dict[str, Calibration]:
    """Return fact -> calibration: the newest, or those that were valid ``at``."""
    known = text(
        "SELECT c.fact, CAST(c.cuts AS TEXT), c.value_count, c.calibrated_at FROM cut_points c WHERE c.calibrated_at ="
        " (SELECT max(n.calibrated_at) FROM cut_points n WHERE n.fact = c.fact"
        f"{' AND n.calibrated_at <= :at' if at is not None else ''})"
    )
    rows = connection.execute(known, {"at": at} if at is not None else {})
    return {str(fact): Calibration(tuple(orjson.loads(cuts)), values, Instant(at)) for fact, cuts, values, at in rows}


def read_cuts(connection: Connection, at: Instant | None = None) -> dict[str, tuple[float, ...]]:
    """Return fact -> cut points (empty if nobody had a value): the newest, or those that were valid ``at``."""
    return {fact: calibration.cuts for fact, calibration in read_calibrations(connection, at).items()}


def _binds(connection: Connection, sources: Mapping[str, Quantile]) -> Mapping[str, float | None]:
    """Return the newest cut points, whatever the tick's instant.

    A worker whose clock is behind must use the same cut points as the calibration in another worker that has just made
    users due.
    """
    cuts = read_cuts(connection)
    return _merged(source.binds(cuts.get(name, ())) for name, source in sources.items())


def _merged(parts: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    return {bind: value for part in parts for bind, value in part.items()}


def _read(section: _QuantileForm, declaration: Declaration) -> FactSource | None:
    kind = declaration.fact_type("quantile", section.quantile)
    if kind is None:
        return None
    if kind not in _RANKED:
        declaration.mistake("quantile", f"`quantile` ranks numbers, money and instants; `{section.quantile}` is {kind}")
        return None
    return Quantile(ValueType.INTEGER, declaration.name, section.quantile, section.buckets)


def _mentions(section: _QuantileForm) -> frozenset[str]:
    return frozenset({section.quantile})


QUANTILE = FactSourceKind("quantile", _QuantileForm, _read, _mentions, _binds)
