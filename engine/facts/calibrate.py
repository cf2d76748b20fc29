"""Calibration: computing the cut points of each score by nearest rank over all users, set-wise.

With B buckets over N values, cut point k (1 to B-1) is the value of rank ceil(k * N / B) in ascending order. All cut
points are kept with their instants, so that a score can be explained later; there are few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text

from engine.clock import Instant
from engine.facts.model import FactCatalog
from engine.facts.scores import Scores
from engine.facts.sources.quantile import Calibration, Quantile, read_calibrations
from engine.store.dialects import dialect_of
from engine.store.due import Cause
from engine.store.statement import statement
from engine.store.sweep import SweepDepth, SweepNeed, open_sweep, wait_for_chunks
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


def take_calibration_turn(connection: Connection) -> None:
    """Wait until no other process is calibrating, and make others wait until this transaction ends.

    So the second finds the cut points of the first.
    """
    dialect_of(connection).take_turns(connection, _CALIBRATION_LOCK)


def calibrate(connection: Connection, catalog: FactCatalog, version: str, now: Instant) -> tuple[Calibrated, ...]:
    """Compute the cut points of every score, and store those that changed.

    If anybody's score changes, a sweep is opened for ``version`` of the files. Users who have never been evaluated do not
    count: they are due, and are placed by the new cut points. The caller has taken its turn.
    """
    sources, known = quantiles(catalog), read_calibrations(connection)
    found = tuple(
        Calibrated(source.fact, values, _cuts(connection, source.value, values, source.buckets) if values else ())
        for source, values in zip(sources, count_values(connection, sources), strict=True)
    )
    differing = [_keep(connection, one, known.get(one.fact), now) for one in found]
    if any(differing):
        wait_for_chunks(connection)
    if _scores_change(connection, catalog, now):
        open_sweep(connection, SweepNeed(Cause.SCORES, SweepDepth.SCORES), version)
    return found


def quantiles(catalog: FactCatalog) -> list[Quantile]:
    """Return the scores of a catalog."""
    return [fact.source for fact in catalog.facts.values() if isinstance(fact.source, Quantile)]


def count_values(connection: Connection, sources: Sequence[Quantile]) -> list[int]:
    """Return how many users have a value for each score; reads all users, once."""
    if not sources:
        return []
    counts = ", ".join(f"count({source.value})" for source in sources)
    return [int(count) for count in connection.execute(statement(f"SELECT {counts} FROM user_state")).one()]


def _cuts(connection: Connection, column: str, values: int, buckets: int) -> tuple[float, ...]:
    ranks = [-(-number * values // buckets) for number in range(1, buckets)]
    ranked = statement(
        f"SELECT rank, value FROM (SELECT {column} AS value, row_number() OVER (ORDER BY {column}) AS rank"
        f" FROM user_state WHERE {column} IS NOT NULL) r WHERE rank IN ({', '.join(map(str, set(ranks)))})"
    )
    found = {rank: float(value) for rank, value in connection.execute(ranked)}
    return tuple(found[rank] for rank in ranks)


def _keep(connection: Connection, found: Calibrated, known: Calibration | None, now: Instant) -> bool:
    """Store the cut points if they differ from those ``known``, or else the number of values if that does.

    Returns whether the cut points differ.
    """
    if known is None or found.cuts != known.cuts:
        _store(connection, found, now)
        return True
    if found.values != known.values:
        counted = text("UPDATE cut_points SET value_count = :values WHERE fact = :fact AND calibrated_at = :at")
        connection.execute(counted, {"values": found.values, "fact": found.fact, "at": known.at})
    return False


def _store(connection: Connection, found: Calibrated, now: Instant) -> None:
    """Add the newest cut points, with an instant after all others even if another worker's clock is ahead."""
    stored = statement(
        "INSERT INTO cut_points (fact, cuts, value_count, calibrated_at)"
        " SELECT CAST(:fact AS TEXT), :cuts, CAST(:values AS BIGINT),"
        " CASE WHEN max(calibrated_at) >= :now THEN max(calibrated_at) + 1 ELSE :now END"
        " FROM cut_points WHERE fact = :fact"
    )
    typed = stored.bindparams(bindparam("cuts", type_=JsonText))
    binds = {"fact": found.fact, "cuts": list(found.cuts), "values": found.values, "now": now}
    connection.execute(typed, binds)


def _scores_change(connection: Connection, catalog: FactCatalog, now: Instant) -> bool:
    """Tell whether anybody who was evaluated has another score by the newest cut points."""
    scores = Scores(catalog, dialect_of(connection))
    changed = scores.changed_sql()
    if changed is None:
        return False
    evaluated = "user_due AS t JOIN user_state AS s ON s.user_id = t.user_id WHERE t.evaluated_at IS NOT NULL"
    query = statement(f"SELECT EXISTS (SELECT 1 FROM {evaluated} AND ({changed}))")
    return bool(connection.execute(query, scores.binds(connection, now)).scalar())
