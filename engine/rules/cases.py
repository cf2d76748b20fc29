"""Running the ``[[case]]``s beside the rules, by the path that production takes: SQL, rule engine, SQL."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import Connection, create_engine, text

from engine.clock import Instant, instant
from engine.conditions.condition import parse_expression
from engine.conditions.types import FactType, Scope
from engine.content.findings import Finding, did_you_mean
from engine.content.values import parse_duration
from engine.facts.catalog import Fact, FactCatalog
from engine.rules.decider import Deciders
from engine.rules.deciding import Judge
from engine.rules.dimension import Dimension, join_places, split_places
from engine.rules.files import CaseSection
from engine.rules.placing import Placing
from engine.rules.ruleset import RuleSet
from engine.store.dialect import Dialect
from engine.store.tables import Transition
from engine.store.temporary import DUE_USER

DEFAULT_NOW = "2026-01-01T00:00:00Z"

Cell = int | float | str | bool | None


class CaseError(ValueError):
    """A case gives something that makes no sense."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    index: int
    case: CaseSection
    now: Instant
    row: dict[str, Cell]


def run_cases(rules: RuleSet, catalog: FactCatalog, deciders: Deciders) -> list[Finding]:
    """Run every case of every dimension; return one finding for each that fails or makes no sense."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        runner = _Runner(connection, rules, catalog, deciders)
        findings = [finding for dimension in rules.dimensions for finding in runner.run(dimension)]
    engine.dispose()
    return findings


class _Runner:
    """A database of its own in memory, with the declared columns, in which cases are lived through."""

    def __init__(self, connection: Connection, rules: RuleSet, catalog: FactCatalog, deciders: Deciders) -> None:
        self._connection = connection
        self._rules = rules
        self._catalog = catalog
        self._deciders = deciders
        columns = "".join(f", {column.name} {column.sql_type}" for column in (*catalog.columns(), *rules.columns()))
        connection.execute(
            text(f"CREATE TABLE user_state (user_id INTEGER PRIMARY KEY, due_at INT, edge_at INT{columns})")
        )
        connection.execute(text(f"CREATE TABLE {DUE_USER} (user_id INTEGER PRIMARY KEY)"))
        Transition.__table__.create(connection)  # type: ignore[attr-defined]  # SQLModel adds it

    def run(self, dimension: Dimension) -> list[Finding]:
        """Run the cases of one dimension, those of one instant together."""
        findings: list[Finding] = []
        moments: dict[Instant, list[_Prepared]] = defaultdict(list)
        for index, case in enumerate(dimension.cases):
            try:
                prepared = _prepare(index, case, dimension, self._rules, self._catalog)
            except CaseError as error:
                findings.append(dimension.document.finding(("case", index, "given"), f"case `{case.name}`: {error}"))
                continue
            moments[prepared.now].append(prepared)
        for now, cases in moments.items():
            findings += self._moment(dimension, cases, now)
        return findings

    def _moment(self, dimension: Dimension, cases: Sequence[_Prepared], now: Instant) -> list[Finding]:
        for table in ("user_state", DUE_USER):
            self._connection.execute(text(f"DELETE FROM {table}"))
        for prepared in cases:
            _insert(self._connection, prepared, self._catalog, self._rules.scope, now)
        signatures = self._place(dimension, now)
        after = self._column(dimension.place, "user_state")
        judge = Judge(dimension, self._deciders)
        findings = []
        for prepared in cases:
            got, signature = after[prepared.index], int(signatures[prepared.index])
            if _expected(prepared.case) != got:
                decision = judge.decide(signature, str(prepared.row.get(dimension.place) or "") or None)
                findings.append(_failure(prepared, dimension, got, decision.slots[0].rule, dimension.held(signature)))
        return findings

    def _place(self, dimension: Dimension, now: Instant) -> dict[int, str]:
        """Place the users by this one dimension; return their signatures."""
        placing, judge, level = (
            Placing(self._rules, Dialect.SQLITE, self._deciders),
            Judge(dimension, self._deciders),
            (dimension,),
        )
        found = placing.situations(self._connection, level, now)[dimension.name]
        signatures = self._column(f"sig_{dimension.name}", "situation")
        decisions = {situation: judge.decide(situation.signature, situation.place) for situation in found}
        placing.apply(self._connection, level, {dimension.name: decisions}, None, now)
        return signatures

    def _column(self, name: str, table: str) -> dict[int, str]:
        rows = self._connection.execute(text(f"SELECT user_id, {name} FROM {table}"))
        return {user_id: str(value) for user_id, value in rows}


def _failure(prepared: _Prepared, dimension: Dimension, got: str, rule: str, held: tuple[str, ...]) -> Finding:
    shown = ", ".join(sorted(split_places(got))) or "none" if dimension.kind == "segments" else got
    expected = prepared.case.expect
    wanted = ", ".join(expected) or "none" if isinstance(expected, list) else expected
    fired = "" if dimension.kind == "segments" else f" by the rule `{rule}`"
    because = "; ".join(held) or "nothing"
    message = f"case `{prepared.case.name}`: expected {wanted}, got {shown}{fired}; what held: {because}"
    return dimension.document.finding(("case", prepared.index, "expect"), message)


def _expected(case: CaseSection) -> str:
    return join_places(set(case.expect)) if isinstance(case.expect, list) else case.expect


def _prepare(index: int, case: CaseSection, dimension: Dimension, rules: RuleSet, catalog: FactCatalog) -> _Prepared:
    now = _instant(case.now or DEFAULT_NOW, "now", Instant(0))
    row: dict[str, Cell] = {"user_id": index}
    for name, value in case.given.items():
        if name in catalog.facts:
            row[catalog.facts[name].column] = _cell(name, value, catalog.facts[name].type, catalog.currency_scale, now)
        elif name in rules.places and name != dimension.name:
            row[f"place_{name}"] = _place(rules.dimension(name), value)
        else:
            known = [*catalog.facts, *(place for place in rules.places if place != dimension.name)]
            raise CaseError(f"unknown fact `{name}`{did_you_mean(name, known)}")
    row |= _standing(case, dimension, now)
    return _Prepared(index, case, now, row)


def _standing(case: CaseSection, dimension: Dimension, now: Instant) -> dict[str, Cell]:
    """Return the columns that say where the user stood before, since when, and what waits."""
    if case.place is None:
        return {}
    row: dict[str, Cell] = {dimension.place: _place(dimension, case.place)}
    for slot in dimension.slots:
        row[slot.since] = now - (case.since or 0)
        row[slot.wait] = now - case.waiting if case.waiting is not None else None
    return row


def _place(dimension: Dimension, value: object) -> str:
    names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    for name in names:
        if name not in dimension.places:
            raise CaseError(f"unknown place `{name}` of `{dimension.name}`{did_you_mean(name, dimension.places)}")
    return join_places(set(names)) if dimension.kind == "segments" else names[0]


def _cell(name: str, value: object, kind: FactType, scale: int, now: Instant) -> Cell:
    """Return a given value as the column holds it."""
    fitting: tuple[type, ...] = {
        FactType.TEXT: (str,),
        FactType.BOOLEAN: (bool,),
        FactType.INTEGER: (int,),
        FactType.DATE: (str, date),
        FactType.INSTANT: (str, datetime),
    }.get(kind, (int, float))
    if not isinstance(value, fitting) or (isinstance(value, bool) and kind is not FactType.BOOLEAN):
        raise CaseError(f"`{name}` is of type {kind}; {value!r} is not")
    if kind is FactType.MONEY:
        return _minor_units(value, scale)
    if kind is FactType.INSTANT:
        return _instant(value, name, now)
    return value.isoformat() if isinstance(value, date) else value  # type: ignore[return-value]  # narrowed by fitting


def _minor_units(value: object, scale: int) -> int | float:
    try:
        exact = Decimal(str(value)) * scale
    except InvalidOperation as error:
        raise CaseError(f"{value!r} is not an amount of money") from error
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _instant(value: object, name: str, now: Instant) -> Instant:
    """Return the instant of ISO text, of a TOML date-time, or of a duration before now such as ``-61d``."""
    if isinstance(value, str) and value.startswith("-"):
        try:
            return Instant(now - parse_duration(value[1:]))
        except ValueError as error:
            raise CaseError(f"`{name}`: {error}") from error
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise CaseError(f"`{name}`: {value!r} is not an instant; write `2026-01-31T10:00:00Z` or `-61d`") from error
    return instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _insert(connection: Connection, prepared: _Prepared, catalog: FactCatalog, scope: Scope, now: Instant) -> None:
    """Insert the case's user, and derive the expressions that the case leaves to be derived."""
    columns, binds = ", ".join(prepared.row), ", ".join(f":{name}" for name in prepared.row)
    connection.execute(text(f"INSERT INTO user_state ({columns}) VALUES ({binds})"), prepared.row)
    connection.execute(text(f"INSERT INTO {DUE_USER} VALUES (:id)"), {"id": prepared.index})
    for fact in catalog.facts.values():
        if fact.section.expr is not None and fact.column not in prepared.row:
            _derive(connection, fact, scope, prepared.index, now)


def _derive(connection: Connection, fact: Fact, scope: Scope, user_id: int, now: Instant) -> None:
    value = parse_expression(fact.section.expr or "", scope).sql(Dialect.SQLITE)
    binds = {"id": user_id} | ({"now": now} if ":now" in value else {})
    connection.execute(text(f"UPDATE user_state AS s SET {fact.column} = {value} WHERE s.user_id = :id"), binds)
