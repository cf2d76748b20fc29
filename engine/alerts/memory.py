"""What staff have been told already: the table ``alert``. It outlives restarts, and all workers share it.

A problem is known by its check and by what it is about; what is said of it may change. A row is claimed before it is told of, by
moving the instant at which it is due: if the sending fails, or the worker dies in it, it is due again a little later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, text

from engine.alerts.texts import AlertNews, EndedProblem
from engine.clock import CLOCK_SKEW, DAY, HOUR, MINUTE, Instant
from engine.explain.health_models import Attention
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset

KEPT = 30 * DAY
"""How long rows are kept that no worker has looked at, because their URL is no longer in the settings."""
_WAIT = f"CASE tries WHEN 0 THEN {MINUTE} WHEN 1 THEN {5 * MINUTE} WHEN 2 THEN {15 * MINUTE} ELSE {HOUR} END"
"""Until the next try if this one fails; a sending takes less than the shortest."""

Problem = tuple[str, str]
"""The name of a check, and what it is about (``Attention.about``), which the column ``subject`` has."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one service is about to be told, by this worker alone."""

    target: str
    news: AlertNews
    unsaid: tuple[Problem, ...] = ()
    """Problems that are over before anybody could be told of them."""

    @property
    def told(self) -> list[Problem]:
        """The problems that last."""
        return [(one.check, one.about) for one in (*self.news.new, *self.news.still)]

    @property
    def over(self) -> list[Problem]:
        """The problems that are over."""
        return [*((one.check, one.subject) for one in self.news.over), *self.unsaid]


class AlertMemory:
    """Reads and writes ``alert``; times are in milliseconds."""

    def __init__(self, dialect: Dialect, after: int, again: int) -> None:
        """A problem is told of once it has lasted for ``after``, or been gone for it, and again every ``again``."""
        self._times = {"after": after, "again": again}
        found = f"SELECT 1 FROM {rowset(dialect, 'found', kind='TEXT', subject='TEXT')} AS f"
        found = f"({found} WHERE f.kind = alert.kind AND f.subject = alert.subject)"
        mine = f"target IN (SELECT k.value FROM {dialect.elements('targets')})"
        # What was noted while the clock was ahead would be due only when that time has come.
        self._ahead = text(f"DELETE FROM alert WHERE {mine} AND (since > :latest OR told_at > :latest)")
        self._new = text(
            "INSERT INTO alert (target, kind, subject, since, next_at)"
            f" SELECT k.value, f.kind, f.subject, :now, :now + :after FROM {dialect.elements('targets')},"
            f" {rowset(dialect, 'found', kind='TEXT', subject='TEXT')} AS f WHERE true ON CONFLICT DO NOTHING"
        )
        self._back = text(
            "UPDATE alert SET gone_at = NULL, next_at = coalesce(told_at + :again, :now + :after)"
            f" WHERE {mine} AND gone_at IS NOT NULL AND EXISTS {found}"
        )
        self._passed = text(f"DELETE FROM alert WHERE {mine} AND told_at IS NULL AND tries = 0 AND NOT EXISTS {found}")
        self._gone = text(
            f"UPDATE alert SET gone_at = :now, next_at = :now + :after WHERE {mine} AND gone_at IS NULL AND NOT EXISTS {found}"
        )
        self._claim = text(
            f"UPDATE alert SET next_at = :now + {_WAIT}, tries = tries + 1 WHERE {mine} AND next_at <= :now"
            " RETURNING target, kind, subject, since, told_at, gone_at"
        )
        some = f"SELECT 1 FROM {rowset(dialect, 'told', kind='TEXT', subject='TEXT')} AS r"
        some = f"target = :target AND EXISTS ({some} WHERE r.kind = alert.kind AND r.subject = alert.subject)"
        self._told = text(
            "UPDATE alert SET told_at = :now, tries = 0,"
            f" next_at = CASE WHEN gone_at IS NULL THEN :now + :again ELSE gone_at + :after END WHERE {some}"
        )
        self._ended = text(f"DELETE FROM alert WHERE {some} AND gone_at IS NOT NULL")
        self._anew = text(
            "UPDATE alert SET told_at = NULL, since = :now, tries = 0, next_at = :now + :after"
            f" WHERE {some} AND gone_at IS NULL"
        )

    def note(
        self, connection: Connection, targets: Sequence[str], found: Sequence[Attention], now: Instant
    ) -> list[Claimed]:
        """Note what needs a person now; return what has to be told, which no other worker tells."""
        problems = {(one.check, one.about): one for one in found}
        binds = {"targets": _list(targets), "found": pack([*map(list, problems)]), "now": now, **self._times}
        connection.execute(self._ahead, {"targets": binds["targets"], "latest": now + CLOCK_SKEW})
        for statement in (self._back, self._new, self._passed, self._gone):
            connection.execute(statement, binds)
        rows = connection.execute(self._claim, binds).all()
        return [_claimed(target, rows, problems) for target in targets if any(row.target == target for row in rows)]

    def told(self, connection: Connection, claimed: Claimed, now: Instant) -> None:
        """Record that a service was told."""
        binds = {"target": claimed.target, "now": now, **self._times}
        if claimed.told:
            connection.execute(self._told, {**binds, "told": pack([*map(list, claimed.told)])})
        if claimed.over:
            ended = {**binds, "told": pack([*map(list, claimed.over)])}
            connection.execute(self._anew, ended)
            connection.execute(self._ended, ended)


def _claimed(target: str, rows: Sequence[Row[Any]], problems: Mapping[Problem, Attention]) -> Claimed:
    """Sort what is due for one service. What was never told of and is gone is told to nobody, but its row has to go."""
    new: list[Attention] = []
    still: list[Attention] = []
    over: list[EndedProblem] = []
    unsaid: list[Problem] = []
    for row in rows:
        if row.target != target:
            continue
        problem = (row.kind, row.subject)
        if row.gone_at is not None:
            if row.told_at is None:
                unsaid.append(problem)
            else:
                over.append(EndedProblem(*problem, Instant(row.since)))
        elif problem in problems:
            (new if row.told_at is None else still).append(problems[problem])
    return Claimed(target, AlertNews(new, still, over), tuple(unsaid))


def _list(values: Sequence[str]) -> str:
    return orjson.dumps(values).decode()


def forget_alerts(connection: Connection, now: Instant) -> None:
    """Delete what was to be told to services that are no longer in the settings."""
    connection.execute(text("DELETE FROM alert WHERE next_at < :before"), {"before": now - KEPT})
