"""Whether scores have to be calibrated before the next nightly run.

Cut points come from the users who have a value. So the first users with a value need a calibration before anybody is placed
by their score; and when twice as many have one, the old cut points say little about them.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.facts.calibrate import count_values, quantiles
from engine.facts.model import FactCatalog
from engine.facts.sources.quantile import Calibration, Quantile, read_calibrations
from engine.store.statement import statement


class CalibrationNeeds:
    """Tells which scores of a catalog have to be calibrated now. It remembers what it has counted, so a process keeps it."""

    def __init__(self, catalog: FactCatalog) -> None:
        self._quantiles = quantiles(catalog)
        self._searched = False
        """Whether everybody was looked at for values: values of others are found by whoever writes them."""
        self._count_again: dict[str, tuple[Calibration, int]] = {}
        """Score -> its calibration, and how many evaluations after it the values are worth counting again."""

    def lacks_any(self, connection: Connection) -> bool:
        """Tell whether any score has no cut points, so that facts have to be known before users are placed.

        It is cheap. If it is true, a tick writes the facts of the users who are due, without placing them, and then asks
        ``missing``.
        """
        return bool(self._lacking(read_calibrations(connection)))

    def missing(self, connection: Connection, users: str | None = None) -> tuple[str, ...]:
        """Return the scores without cut points, or with those for another number of buckets, although users have values.

        ``users``, a table or a query in parentheses with the column ``user_id``, are those whose facts were just written.
        Only they are looked at, except the first time or if there are none: then everybody is, up to the first with a value.
        """
        lacking = self._lacking(read_calibrations(connection))
        if not lacking:
            return ()
        chosen = f" AND s.user_id IN (SELECT t.user_id FROM {users} AS t)" if users and self._searched else ""
        self._searched = True
        exist = ", ".join(
            f"EXISTS (SELECT 1 FROM user_state AS s WHERE s.{one.value} IS NOT NULL{chosen})" for one in lacking
        )
        found = connection.execute(statement(f"SELECT {exist}")).one()
        return tuple(one.fact for one, exists in zip(lacking, found, strict=True) if exists)

    def outgrown(self, connection: Connection, evaluated: int) -> tuple[str, ...]:
        """Return the scores of which at least twice as many users have a value as when they were calibrated.

        ``evaluated`` is how many users the running tick has evaluated. To be asked at the end of its users' stage: it can
        still work off the sweep that a calibration opens. Values are counted only when so many users were evaluated since
        the calibration, by whatever worker, that their number can have doubled.
        """
        if not evaluated:
            return ()
        known, worth = read_calibrations(connection), []
        for one in self._quantiles:
            calibration = known.get(one.fact)
            if calibration is None or calibration.values is None or not calibration.fits(one):
                continue
            since = _evaluated_since(connection, calibration.at) + evaluated
            if since >= self._worth_counting(one.fact, calibration):
                worth.append((one, calibration, since))
        return self._count(connection, worth)

    def _count(self, connection: Connection, worth: Sequence[tuple[Quantile, Calibration, int]]) -> tuple[str, ...]:
        """Return those whose values have doubled, and note for the others when to count again."""
        outgrown = []
        for (one, calibration, since), values in zip(
            worth, count_values(connection, [one for one, _, _ in worth]), strict=True
        ):
            lacking = 2 * (calibration.values or 0) - values
            if lacking <= 0:
                outgrown.append(one.fact)
            else:
                self._count_again[one.fact] = (calibration, since + lacking)
        return tuple(outgrown)

    def _lacking(self, known: Mapping[str, Calibration]) -> list[Quantile]:
        return [one for one in self._quantiles if one.fact not in known or not known[one.fact].fits(one)]

    def _worth_counting(self, fact: str, calibration: Calibration) -> int:
        """Return how many users have to be evaluated after ``calibration`` until values are worth counting."""
        counted, again = self._count_again.get(fact, (None, 0))
        return again if counted == calibration else calibration.values or 0


def _evaluated_since(connection: Connection, at: Instant) -> int:
    """Return how many users were evaluated by ticks that have ended, from ``at`` on."""
    query = text("SELECT coalesce(sum(users), 0) FROM tick WHERE at >= :at")
    return int(connection.execute(query, {"at": at}).scalar_one())
