"""Calibration: the cut points of each score, by nearest rank over the whole population, set-wise.

With B buckets over N values, cut k (1 to B-1) is the value of rank ceil(k * N / B) in ascending order.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam

from engine.clock import Instant
from engine.facts.model import Fact, FactCatalog
from engine.facts.scores import Cuts, quantiles, read_cuts, score_sql
from engine.store.dialect import Dialect, same
from engine.store.due import Cause, due_where
from engine.store.statement import statement
from engine.store.tables import JsonText


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the calibration of one score found."""

    fact: str
    values: int
    """Users who have a value."""
    cuts: tuple[float, ...]
    """Empty where nobody has a value: the score stays NULL."""
    changed: int
    """Users whose score changes; they are due now."""


def calibrate(connection: Connection, dialect: Dialect, catalog: FactCatalog, now: Instant) -> tuple[Calibrated, ...]:
    """Store new cut points for every score, and make the users due whose score they change."""
    return tuple(_calibrate(connection, dialect, fact, now) for fact in quantiles(catalog))


def uncalibrated(connection: Connection, catalog: FactCatalog) -> tuple[str, ...]:
    """Return the scores that have no cut points yet, or those of another number of buckets."""
    known = read_cuts(connection).of
    return tuple(fact.name for fact in quantiles(catalog) if len(known.get(fact.name, ())) != fact.section.buckets - 1)


def _calibrate(connection: Connection, dialect: Dialect, fact: Fact, now: Instant) -> Calibrated:
    column = f"fact_{fact.section.quantile}"
    counted = statement(f"SELECT count({column}) FROM user_state")
    values: int = connection.execute(counted).scalar_one()
    cuts = _cuts(connection, column, values, fact.section.buckets) if values else ()
    connection.execute(statement("DELETE FROM cut_points WHERE fact = :fact"), {"fact": fact.name})
    if cuts:
        stored = statement("INSERT INTO cut_points (fact, cuts, calibrated_at) VALUES (:fact, :cuts, :now)")
        typed = stored.bindparams(bindparam("cuts", type_=JsonText))
        connection.execute(typed, {"fact": fact.name, "cuts": list(cuts), "now": now})
    return Calibrated(fact.name, values, cuts, _mark(connection, dialect, fact, cuts, now))


def _cuts(connection: Connection, column: str, values: int, buckets: int) -> tuple[float, ...]:
    ranks = [-(-number * values // buckets) for number in range(1, buckets)]
    ranked = statement(
        f"SELECT rank, value FROM (SELECT {column} AS value, row_number() OVER (ORDER BY {column}) AS rank"
        f" FROM user_state WHERE {column} IS NOT NULL) r WHERE rank IN ({', '.join(map(str, set(ranks)))})"
    )
    found = {rank: float(value) for rank, value in connection.execute(ranked)}
    return tuple(found[rank] for rank in ranks)


def _mark(connection: Connection, dialect: Dialect, fact: Fact, cuts: tuple[float, ...], now: Instant) -> int:
    score = score_sql(fact, dialect)
    unchanged = same(dialect, f"s.{fact.column}", score)
    return due_where(connection, f"NOT ({unchanged})", Cause.SCORES, now, Cuts({fact.name: cuts}).binds([fact]))
