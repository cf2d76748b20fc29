"""Runs the ``[[case]]`` tests of rule files: a look at made-up users, whose facts are given instead of computed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

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
from engine.rules.look import Look
from engine.rules.place.placing import Placing
from engine.rules.place.subjects import LOOK, Subjects
from engine.rules.ruleset import RuleSet
from engine.store.dialects import Dialect
from engine.store.dialects.scratch import scratch
from engine.store.statement import statement


def check_cases(rules: RuleSet, catalog: FactCatalog) -> list[Finding]:
    """Return a finding for each invalid case. Runs none of them, so the rules may have errors."""
    return [finding for dimension in rules.dimensions for finding in prepare_cases(dimension, rules, catalog)[1]]


def run_cases(rules: RuleSet, catalog: FactCatalog, deciders: Deciders) -> list[Finding]:
    """Run every case of every dimension; return a finding for each case that fails or is invalid."""
    with scratch() as (connection, dialect):
        runner = _Runner(connection, dialect, rules, catalog, deciders)
        return [finding for dimension in rules.dimensions for finding in runner.run(dimension)]


class _Runner:
    """Looks at made-up users, in an in-memory database that has only temporary tables."""

    def __init__(
        self, connection: Connection, dialect: Dialect, rules: RuleSet, catalog: FactCatalog, deciders: Deciders
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._rules = rules
        self._catalog = catalog
        self._deciders = deciders
        self._look = Look(catalog, rules, dialect, deciders)

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
        self._look.create(self._connection)
        for prepared in cases:
            _insert(self._connection, self._dialect, prepared, self._catalog, now)
        # The other dimensions' places are given, so they are not decided.
        alone = replace(self._rules, levels=((dimension,),))
        placing = Placing(alone, self._dialect, self._deciders)
        placing.run(self._connection, Subjects(), now)
        after = self._column(dimension.place, LOOK)
        signatures = self._column(f"sig_{dimension.name}", placing.last_table)
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
    connection.execute(text(f"INSERT INTO {LOOK} ({columns}) VALUES ({binds})"), prepared.row)
    for fact in catalog.facts.values():
        if fact.source.layer is Layer.FACTS and not fact.source.calibrated and fact.column not in prepared.row:
            _derive(connection, dialect, fact, prepared.index, now)


def _derive(connection: Connection, dialect: Dialect, fact: Fact, user_id: int, now: Instant) -> None:
    value = fact.source.sql(SqlContext(dialect))
    binds = {"id": user_id} | ({"now": now} if ":now" in value else {})
    connection.execute(statement(f"UPDATE {LOOK} AS s SET {fact.column} = {value} WHERE s.user_id = :id"), binds)
