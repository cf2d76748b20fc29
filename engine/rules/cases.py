"""Runs the ``[[case]]`` tests of rule files through the production path: SQL, rule engine, SQL."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.findings import Finding
from engine.facts.catalog import Fact, FactCatalog
from engine.facts.sources.base import Layer, SqlContext
from engine.rules.case_rows import PreparedCase, prepare_cases
from engine.rules.compile.form import CaseSection
from engine.rules.decide.decider import Deciders
from engine.rules.decide.decisions import PlacementDecider
from engine.rules.dimension import Dimension, join_places, split_places
from engine.rules.place.placing import Placing
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect
from engine.store.dialects.scratch import scratch
from engine.store.statement import statement
from engine.store.tables import Transition
from engine.store.temporary import DUE_USER


def check_cases(rules: RuleSet, catalog: FactCatalog) -> list[Finding]:
    """Return a finding for each invalid case. Runs none of them, so the rules may have errors."""
    return [finding for dimension in rules.dimensions for finding in prepare_cases(dimension, rules, catalog)[1]]


def run_cases(rules: RuleSet, catalog: FactCatalog, deciders: Deciders) -> list[Finding]:
    """Run every case of every dimension; return a finding for each case that fails or is invalid."""
    with scratch() as (connection, dialect):
        runner = _Runner(connection, dialect, rules, catalog, deciders)
        return [finding for dimension in rules.dimensions for finding in runner.run(dimension)]


class _Runner:
    """Runs cases in an in-memory database that has only the declared columns."""

    def __init__(
        self, connection: Connection, dialect: Dialect, rules: RuleSet, catalog: FactCatalog, deciders: Deciders
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._rules = rules
        self._catalog = catalog
        self._deciders = deciders
        columns = "".join(f", {column.name} {column.sql_type}" for column in (*catalog.columns(), *rules.columns()))
        connection.execute(
            text(f"CREATE TABLE user_state (user_id INTEGER PRIMARY KEY, due_at INT, edge_at INT{columns})")
        )
        connection.execute(text(f"CREATE TABLE {DUE_USER} (user_id INTEGER PRIMARY KEY, cause TEXT)"))
        Transition.__table__.create(connection)  # type: ignore[attr-defined]  # SQLModel adds it

    def run(self, dimension: Dimension) -> list[Finding]:
        """Run the cases of one dimension, grouped by instant."""
        cases, findings = prepare_cases(dimension, self._rules, self._catalog)
        by_instant: dict[Instant, list[PreparedCase]] = defaultdict(list)
        for prepared in cases:
            by_instant[prepared.now].append(prepared)
        for now, prepared_cases in by_instant.items():
            findings += self._run_at(dimension, prepared_cases, now)
        return findings

    def _run_at(self, dimension: Dimension, cases: Sequence[PreparedCase], now: Instant) -> list[Finding]:
        for table in ("user_state", DUE_USER):
            self._connection.execute(text(f"DELETE FROM {table}"))
        for prepared in cases:
            _insert(self._connection, self._dialect, prepared, self._catalog, now)
        signatures = self._place(dimension, now)
        after = self._column(dimension.place, "user_state")
        decider = PlacementDecider(dimension, self._deciders)
        findings = []
        for prepared in cases:
            got, signature = after[prepared.index], int(signatures[prepared.index])
            if _expected(prepared.case) != got:
                decision = decider.decide(signature, str(prepared.row.get(dimension.place) or "") or None)
                findings.append(
                    _failure(prepared, dimension, got, decision.slots[0].rule, dimension.true_atoms(signature))
                )
        return findings

    def _place(self, dimension: Dimension, now: Instant) -> dict[int, str]:
        """Place the users in this dimension only; return their signatures."""
        placing, decider, level = (
            Placing(self._rules, self._dialect, self._deciders),
            PlacementDecider(dimension, self._deciders),
            (dimension,),
        )
        found = placing.situations(self._connection, level, now)[dimension.name]
        signatures = self._column(f"sig_{dimension.name}", "situation")
        decisions = {situation: decider.decide(situation.signature, situation.place) for situation in found}
        placing.apply(self._connection, level, {dimension.name: decisions}, None, now)
        return signatures

    def _column(self, name: str, table: str) -> dict[int, str]:
        rows = self._connection.execute(text(f"SELECT user_id, {name} FROM {table}"))
        return {user_id: str(value) for user_id, value in rows}


def _failure(prepared: PreparedCase, dimension: Dimension, got: str, rule: str, held: tuple[str, ...]) -> Finding:
    shown = ", ".join(sorted(split_places(got))) or "none" if dimension.kind == "segments" else got
    expected = prepared.case.expect
    wanted = ", ".join(expected) or "none" if isinstance(expected, list) else expected
    fired = "" if dimension.kind == "segments" else f" by the rule `{rule}`"
    because = "; ".join(held) or "none"
    message = f"case `{prepared.case.name}`: expected {wanted}, got {shown}{fired}; true atoms: {because}"
    return dimension.document.finding(("case", prepared.index, "expect"), message)


def _expected(case: CaseSection) -> str:
    return join_places(set(case.expect)) if isinstance(case.expect, list) else case.expect


def _insert(
    connection: Connection, dialect: Dialect, prepared: PreparedCase, catalog: FactCatalog, now: Instant
) -> None:
    """Insert the case's user, and compute the facts that follow from the given ones."""
    columns, binds = ", ".join(prepared.row), ", ".join(f":{name}" for name in prepared.row)
    connection.execute(text(f"INSERT INTO user_state ({columns}) VALUES ({binds})"), prepared.row)
    connection.execute(text(f"INSERT INTO {DUE_USER} (user_id) VALUES (:id)"), {"id": prepared.index})
    for fact in catalog.facts.values():
        if fact.source.layer is Layer.FACTS and not fact.source.calibrated and fact.column not in prepared.row:
            _derive(connection, dialect, fact, prepared.index, now)


def _derive(connection: Connection, dialect: Dialect, fact: Fact, user_id: int, now: Instant) -> None:
    value = fact.source.sql(SqlContext(dialect))
    binds = {"id": user_id} | ({"now": now} if ":now" in value else {})
    connection.execute(statement(f"UPDATE user_state AS s SET {fact.column} = {value} WHERE s.user_id = :id"), binds)
