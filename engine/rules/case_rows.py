"""Turns a ``[[case]]`` into a row of ``user_state``; reports invalid values at their keys."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from engine.clock import Instant, instant
from engine.conditions.types import ValueType
from engine.content.findings import Finding, did_you_mean
from engine.content.values import parse_duration
from engine.facts.catalog import FactCatalog
from engine.rules.compile.form import CaseSection
from engine.rules.dimension import Dimension, join_places
from engine.rules.ruleset import RuleSet

DEFAULT_NOW = "2026-01-01T00:00:00Z"
MAX_NUMBER = 2**53
"""The largest whole number that a fact can hold."""

Cell = int | float | str | bool | None


class CaseError(ValueError):
    """A case has an invalid value; ``key`` says where."""

    def __init__(self, message: str, key: str = "given") -> None:
        super().__init__(message)
        self.key = key


class SkippedCase(Exception):
    """A case uses a name whose declaration has mistakes; they are reported at the declaration."""


@dataclass(frozen=True, slots=True)
class PreparedCase:
    """A valid case: its instant, and its user's row."""

    index: int
    case: CaseSection
    now: Instant
    row: dict[str, Cell]


def prepare_cases(
    dimension: Dimension, rules: RuleSet, catalog: FactCatalog
) -> tuple[list[PreparedCase], list[Finding]]:
    """Return the cases that can be run, and a finding for each invalid one."""
    prepared: list[PreparedCase] = []
    findings: list[Finding] = []
    for index, case in enumerate(dimension.cases):
        try:
            prepared.append(_prepare(index, case, dimension, rules, catalog))
        except CaseError as error:
            where = ("case", index, error.key)
            findings.append(dimension.document.finding(where, f"case `{case.name}`: {error}"))
        except SkippedCase:
            continue
    return prepared, findings


def _prepare(index: int, case: CaseSection, dimension: Dimension, rules: RuleSet, catalog: FactCatalog) -> PreparedCase:
    now = _now(case)
    row: dict[str, Cell] = {"user_id": index}
    others = {name: rules.dimension(name) for name in rules.places if name != dimension.name}
    for name, value in case.given.items():
        if name in catalog.facts:
            row[catalog.facts[name].column] = _cell(name, value, catalog.facts[name].type, catalog.currency_scale, now)
        elif name in others:
            row[f"place_{name}"] = _place(others[name], value)
        else:
            raise _unknown(name, dimension, [*catalog.facts, *others], rules.scope.broken)
    row |= _before(case, dimension, now)
    return PreparedCase(index, case, now, row)


def _unknown(name: str, dimension: Dimension, known: list[str], broken: frozenset[str]) -> Exception:
    if name == dimension.name:
        return CaseError(f"`{name}` is the dimension itself; use `place` for the user's place before")
    if name in broken:
        return SkippedCase(name)
    return CaseError(f"unknown fact `{name}`{did_you_mean(name, known)}")


def _now(case: CaseSection) -> Instant:
    try:
        return _instant(case.now or DEFAULT_NOW, "now", Instant(0))
    except CaseError as error:
        raise CaseError(str(error), "now") from error


def _before(case: CaseSection, dimension: Dimension, now: Instant) -> dict[str, Cell]:
    """Return the columns with the user's place before, since when, and since when a downgrade has been waiting."""
    if case.place is None:
        return {}
    names = case.place if isinstance(case.place, list) else [case.place]
    if isinstance(case.place, list) != (dimension.kind == "segments") or not set(names) <= set(dimension.places):
        raise SkippedCase(dimension.name)  # the check of the dimension's structure reports it
    row: dict[str, Cell] = {dimension.place: _place(dimension, case.place)}
    for slot in dimension.slots:
        row[slot.since] = now - (case.since or 0)
        row[slot.wait] = now - case.waiting if case.waiting is not None else None
    return row


def _place(dimension: Dimension, value: object) -> str:
    names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    for name in names:
        if name not in dimension.places:
            hint = did_you_mean(name, dimension.places)
            raise CaseError(f"unknown place `{name}` of `{dimension.name}`{hint}")
    if dimension.kind == "segments":
        return join_places(set(names))
    if len(names) != 1:
        raise CaseError(f"`{dimension.name}` takes one place, not {len(names)}")
    return names[0]


def _cell(name: str, value: object, kind: ValueType, scale: int, now: Instant) -> Cell:
    """Return a given value as the column stores it."""
    fitting: tuple[type, ...] = {
        ValueType.TEXT: (str,),
        ValueType.BOOLEAN: (bool,),
        ValueType.INTEGER: (int,),
        ValueType.DATE: (str, date),
        ValueType.INSTANT: (str, datetime),
    }.get(kind, (int, float))
    if not isinstance(value, fitting) or (isinstance(value, bool) and kind is not ValueType.BOOLEAN):
        raise CaseError(f"`{name}` is of type {kind}, but {value!r} is not")
    if kind is ValueType.MONEY:
        return _minor_units(name, value, scale)
    if kind is ValueType.INSTANT:
        return _instant(value, name, now)
    if kind is ValueType.DATE:
        return _date(name, value)
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise CaseError(f"`{name}`: the number is too large; the maximum is {MAX_NUMBER}")
    return value  # type: ignore[return-value]  # narrowed by fitting


def _minor_units(name: str, value: object, scale: int) -> int | float:
    try:
        exact = Decimal(str(value)) * scale
        whole = exact == exact.to_integral_value()
    except InvalidOperation as error:
        raise CaseError(f"`{name}`: {value!r} is not an amount of money") from error
    if not abs(exact) <= MAX_NUMBER:
        raise CaseError(f"`{name}`: {value!r} is too large an amount")
    return int(exact) if whole else float(exact)


def _date(name: str, value: object) -> str:
    try:
        day = date.fromisoformat(str(value))
    except ValueError as error:
        raise CaseError(f"`{name}`: {str(value)!r} is not a date; write `2026-01-31`") from error
    return day.isoformat()


def _instant(value: object, name: str, now: Instant) -> Instant:
    """Return the instant of an ISO text, a TOML date-time, or a duration before now such as ``-61d``."""
    try:
        if isinstance(value, str) and value.startswith("-"):
            return Instant(now - parse_duration(value[1:]))
    except ValueError as error:
        raise CaseError(f"`{name}`: {error}") from error
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        message = f"`{name}`: {str(value)!r} is not a date and time; write `2026-01-31T10:00:00Z` or `-61d`"
        raise CaseError(message) from error
