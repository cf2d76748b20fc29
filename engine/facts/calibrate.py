"""Calibration: computing the cut points of each score by nearest rank over all users, set-wise.

With B buckets over N values, cut point k (1 to B-1) is the value of rank ceil(k * N / B) in ascending order. All cut
points are kept with their instants, so that a score can be explained later; there are few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam

from engine.clock import Instant
from engine.facts.model import FactCatalog
from engine.facts.sources.base import SqlContext
from engine.facts.sources.quantile import Quantile, read_cuts
from engine.store.dialects import Dialect
from engine.store.due import Cause
from engine.store.statement import statement
from engine.store.sweep import Depth, SweepNeed, open_sweep
from engine.store.tables import JsonText

_CALIBRATION_LOCK = 4_810_572
"""Key under which processes take turns to calibrate; any constant that no other use has will do."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The result of calibrating one score."""

    fact: str
    values: int
    """How many users have a value."""
    cuts: tuple[float, ...]
    """The cut points; empty if nobody has a value, so the score stays NULL."""
    changed: int
    """How many users' scores changed; these users are due now."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """One score with its new cut points."""

    source: Quantile
    values: int
    cuts: tuple[float, ...]


def calibrate(connection: Connection, dialect: Dialect, catalog: FactCatalog, now: Instant) -> tuple[Calibrated, ...]:
    """Compute the cut points of every score, store those that changed, and make users with a changed score due."""
    # One at a time, so that the second finds the cut points of the first.
    dialect.take_turns(connection, _CALIBRATION_LOCK)
    known = read_cuts(connection)
    found = [_rank(connection, source, known.get(source.fact), now) for source in _quantiles(catalog)]
    changed = _make_due(connection, dialect, found, now)
    return tuple(
        Calibrated(one.source.fact, one.values, one.cuts, count) for one, count in zip(found, changed, strict=True)
    )


def uncalibrated(connection: Connection, catalog: FactCatalog) -> tuple[str, ...]:
    """Return the scores that have no cut points yet, or cut points for another number of buckets."""
    known = read_cuts(connection)
    return tuple(source.fact for source in _quantiles(catalog) if len(known.get(source.fact, ())) != source.buckets - 1)


def _quantiles(catalog: FactCatalog) -> list[Quantile]:
    return [fact.source for fact in catalog.facts.values() if isinstance(fact.source, Quantile)]


def _rank(connection: Connection, source: Quantile, known: tuple[float, ...] | None, now: Instant) -> _Ranked:
    counted = statement(f"SELECT count({source.value}) FROM user_state")
    values: int = connection.execute(counted).scalar_one()
    cuts = _cuts(connection, source.value, values, source.buckets) if values else ()
    if cuts != known:
        _store(connection, source.fact, cuts, now)
    return _Ranked(source, values, cuts)


def _cuts(connection: Connection, column: str, values: int, buckets: int) -> tuple[float, ...]:
    ranks = [-(-number * values // buckets) for number in range(1, buckets)]
    ranked = statement(
        f"SELECT rank, value FROM (SELECT {column} AS value, row_number() OVER (ORDER BY {column}) AS rank"
        f" FROM user_state WHERE {column} IS NOT NULL) r WHERE rank IN ({', '.join(map(str, set(ranks)))})"
    )
    found = {rank: float(value) for rank, value in connection.execute(ranked)}
    return tuple(found[rank] for rank in ranks)


def _store(connection: Connection, fact: str, cuts: tuple[float, ...], now: Instant) -> None:
    """Add the newest cut points, with an instant after all others even if another worker's clock is ahead."""
    stored = statement(
        "INSERT INTO cut_points (fact, cuts, calibrated_at) SELECT CAST(:fact AS TEXT), :cuts,"
        " CASE WHEN max(calibrated_at) >= :now THEN max(calibrated_at) + 1 ELSE :now END"
        " FROM cut_points WHERE fact = :fact"
    )
    typed = stored.bindparams(bindparam("cuts", type_=JsonText))
    connection.execute(typed, {"fact": fact, "cuts": list(cuts), "now": now})


def _make_due(connection: Connection, dialect: Dialect, found: Sequence[_Ranked], now: Instant) -> list[int]:
    """Make users with a changed score due; return how many there are, score by score.

    All scores in one statement: one after the other, the users would not be locked in order.
    """
    if not found:
        return []
    changed = [_changed(dialect, one) for one in found]
    binds = {bind: value for one in found for bind, value in one.source.binds(one.cuts).items()}
    counts = ", ".join(f"count(CASE WHEN {condition} THEN 1 END)" for condition in changed)
    counted = connection.execute(statement(f"SELECT {counts} FROM user_state AS s"), binds).one()
    if any(counted):
        open_sweep(connection, SweepNeed(Cause.SCORES, Depth.SCORES), "")
    return [int(count) for count in counted]


def _changed(dialect: Dialect, one: _Ranked) -> str:
    """Return SQL over ``user_state AS s``: the score has another value by the new cut points."""
    return f"NOT ({dialect.same(f's.fact_{one.source.fact}', one.source.sql(SqlContext(dialect)))})"
