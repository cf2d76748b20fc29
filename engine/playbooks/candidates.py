"""Who may enter a playbook, as SQL: where candidates come from, and the tests that each has to pass, by reason.

Enrolment asks for those who pass all tests; ``habitue explain`` asks which test fails first. Both read this list, so
an explanation cannot differ from what is done.

Binds: ``:now``; ``:since``, which is now less the playbook's ``expires``; ``:activated``; ``:playbook``.
"""

from dataclasses import dataclass

from engine.conditions.sql import now_sql, text_literal
from engine.playbooks.file.playbook import Enter, Happened, Leave, OnDate, OnSchedule, Playbook, Trigger, Whenever
from engine.playbooks.reasons import Reason
from engine.store.dialect import Dialect

OCCASION = "occasion"
"""Temporary table of occasions that fell: ``occasion(zone, day, year, at, occurrence)``."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: each is a table's name or a subquery in parentheses."""

    users: str
    """``user_id``."""
    transitions: str
    """As ``transition``."""
    events: str
    """``id``, ``user_id``, ``name``, ``at``."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that could become enrolments."""

    rows: str
    """What follows FROM; ``u`` is the user, ``s`` the state."""
    where: str
    at: str
    occurrence: str
    event: str
    tie: str
    """Orders candidates of the same instant."""
    tests: tuple[tuple[Reason, str], ...]
    """Never NULL. In the order in which a person would ask."""


_USER = "JOIN users AS u ON u.id = {key} JOIN user_state AS s ON s.user_id = u.id"
_NO_EVENT = "CAST(NULL AS BIGINT)"
_RECENT = "{at} > :since"
_ACTIVATED = "{at} >= :activated"


def candidates(playbook: Playbook, source: Source, dialect: Dialect) -> Candidates:
    """Return the candidates of a playbook among the rows of ``source``, and of ``occasion`` for dates and schedules."""
    found = _triggered(playbook.trigger, source, dialect)
    tests = [*found.tests]
    if playbook.audience is not None:
        tests.append((Reason.AUDIENCE_FALSE, playbook.audience.holds_sql(dialect)))
    tests.extend(_reentry(playbook, found, dialect))
    return Candidates(found.rows, found.where, found.at, found.occurrence, found.event, found.tie, tuple(tests))


def _triggered(trigger: Trigger, source: Source, dialect: Dialect) -> Candidates:
    match trigger:
        case Enter() | Leave():
            return _moves(trigger, source, dialect)
        case Happened():
            return _events(trigger, source, dialect)
        case OnDate() | OnSchedule():
            return _occasions(trigger, source)
        case Whenever():
            return _whenever(trigger, source, dialect)


def _moves(trigger: Enter | Leave, source: Source, dialect: Dialect) -> Candidates:
    side = "to_place" if isinstance(trigger, Enter) else "from_place"
    dimension, place = text_literal(trigger.dimension, dialect), text_literal(trigger.place, dialect)
    stands = trigger.stands.holds_sql(dialect)
    tests = [*_timely("t.at")]
    if isinstance(trigger, Enter):
        # Otherwise the import of an old customer base would write to everybody in it.
        tests.append((Reason.FIRST_PLACEMENT, f"(u.first_seen_at > :since OR {_not_first(trigger)})"))
    tests.append((Reason.MOVED_ON, stands if isinstance(trigger, Enter) else f"NOT {stands}"))
    return Candidates(
        rows=f"{source.transitions} AS t {_USER.format(key='t.user_id')}",
        where=f"t.dimension = {dimension} AND t.{side} = {place} AND t.at <= :now",
        at="t.at",
        occurrence="'transition:' || CAST(t.id AS TEXT)",
        event=_NO_EVENT,
        tie="t.id",
        tests=tuple(tests),
    )


def _not_first(trigger: Enter) -> str:
    if not trigger.segment:
        return "t.from_place IS NOT NULL"
    # A segment is always entered from nowhere; that the user was placed before shows in any earlier transition.
    return "EXISTS (SELECT 1 FROM transition AS p WHERE p.user_id = t.user_id AND p.at < t.at)"


def _events(trigger: Happened, source: Source, dialect: Dialect) -> Candidates:
    where = f"x.name = {text_literal(trigger.event, dialect)} AND x.at <= :now"
    if trigger.where is not None:
        where += f" AND {trigger.where.holds_sql(dialect)}"
    return Candidates(
        rows=f"{source.events} AS x JOIN event AS e ON e.id = x.id {_USER.format(key='x.user_id')}",
        where=where,
        at="x.at",
        occurrence="'event:' || CAST(x.id AS TEXT)",
        event="x.id",
        tie="x.id",
        tests=_timely("x.at"),
    )


def _occasions(trigger: OnDate | OnSchedule, source: Source) -> Candidates:
    where = "coalesce(u.timezone, '') = o.zone"
    if isinstance(trigger, OnDate):
        where += f" AND {day_of(trigger)} = o.day"
        if trigger.rule.every == "year":
            # The day itself is no anniversary of it.
            where += f" AND substr(s.fact_{trigger.rule.fact}, 1, 4) < o.year"
    return Candidates(
        rows=f"{source.users} AS d {_USER.format(key='d.user_id')} CROSS JOIN {OCCASION} AS o",
        where=where,
        at="o.at",
        occurrence="o.occurrence",
        event=_NO_EVENT,
        tie="o.occurrence",
        tests=_timely("o.at"),
    )


def day_of(trigger: OnDate, alias: str = "s.") -> str:
    """Return SQL for the part of the date fact that occasions are looked up by; an index exists on it."""
    column = f"{alias}fact_{trigger.rule.fact}"
    return f"substr({column}, 6, 5)" if trigger.rule.every == "year" else column


def _whenever(trigger: Whenever, source: Source, dialect: Dialect) -> Candidates:
    number = "(SELECT count(*) + 1 FROM enrolment AS p WHERE p.playbook = :playbook AND p.user_id = u.id)"
    return Candidates(
        rows=f"{source.users} AS d {_USER.format(key='d.user_id')}",
        where="TRUE",
        at=now_sql(dialect),
        occurrence=f"'when:' || CAST({number} AS TEXT)",
        event=_NO_EVENT,
        tie="u.id",
        tests=((Reason.CONDITION_FALSE, trigger.condition.holds_sql(dialect)),),
    )


def _timely(at: str) -> tuple[tuple[Reason, str], ...]:
    return (
        (Reason.TRIGGER_TOO_OLD, _RECENT.format(at=at)),
        (Reason.BEFORE_ACTIVATION, _ACTIVATED.format(at=at)),
    )


def _reentry(playbook: Playbook, found: Candidates, dialect: Dialect) -> list[tuple[Reason, str]]:
    earlier = "SELECT 1 FROM enrolment AS p WHERE p.playbook = :playbook AND p.user_id = u.id"
    same = (Reason.SAME_OCCURRENCE, f"NOT EXISTS ({earlier} AND p.occurrence = {found.occurrence})")
    if playbook.reentry == "always":
        return [same]
    if playbook.reentry == "once":
        return [same, (Reason.ONCE_ONLY, f"NOT EXISTS ({earlier})")]
    recent = f"p.entered_at + {playbook.reentry} > {now_sql(dialect)}"
    return [
        same,
        (Reason.ACTIVE, f"NOT EXISTS ({earlier} AND p.state = 'active')"),
        (Reason.REENTRY_NOT_YET, f"NOT EXISTS ({earlier} AND {recent})"),
    ]
