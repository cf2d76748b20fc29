"""SQLite, PostgreSQL and a plain reading in Python agree on random conditions over random users."""

import itertools

from hypothesis import HealthCheck, given, settings

from engine.conditions import All, Any, Atom, Formula, Known, atoms_of, earliest_sql, holds, parse_condition
from engine.conditions import parse_expression as parse
from engine.conditions.tree import And, Not, Or
from engine.store.dialects.sqlite import SQLITE
from tests.conditions.conftest import Population
from tests.conditions.population import AGE_TEST, BOOLEAN, MONEY, NOW, NUMBER, SCOPE, of
from tests.conditions.reference import DAY, Node, evaluate, spell

thorough = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def truth(value: object) -> bool | None:
    """SQLite's 0 and 1 as booleans."""
    return None if value is None else bool(value)


@thorough
@given(BOOLEAN)
def test_conditions_mean_the_same_everywhere(users: Population, node: Node) -> None:
    condition = parse_condition(spell(node), SCOPE)
    expected = [evaluate(node, row, NOW) for row in users.rows]
    asked = users.ask(condition.sql(users.dialect), condition.holds_sql(users.dialect))
    assert [truth(value) for value, _ in asked] == expected
    assert [value in (True, 1) for _, value in asked] == [value is True for value in expected]
    assert users.where(condition.holds_sql(users.dialect)) == [i for i, value in enumerate(expected) if value is True]


@thorough
@given(NUMBER | MONEY)
def test_expressions_have_the_same_value_everywhere(users: Population, node: Node) -> None:
    expression = parse(spell(node), SCOPE)
    values = [value for (value,) in users.ask(expression.sql(users.dialect))]
    assert values == [evaluate(node, row, NOW) for row in users.rows]
    assert not expression.whole or all(value is None or isinstance(value, int) for value in values)


@thorough
@given(BOOLEAN)
def test_the_normal_form_over_atoms_that_hold_is_the_condition(users: Population, node: Node) -> None:
    condition = parse_condition(spell(node), SCOPE)
    formula = condition.nnf()
    assert well_formed(formula)
    atoms = atoms_of(formula)
    asked = users.ask("1", *(atom.holds_sql(users.dialect) for atom in atoms))
    for row, (_, *bits) in zip(users.rows, asked, strict=True):
        true = {atom for atom, bit in zip(atoms, bits, strict=True) if bit}
        assert holds(formula, true.__contains__) is (evaluate(node, row, NOW) is True)


def well_formed(formula: Formula) -> bool:
    """Negations stand inside atoms only, junctions alternate, constants stand alone."""
    if isinstance(formula, Known):
        return True
    if isinstance(formula, Atom):
        bare = formula.node.value if isinstance(formula.node, Not) else formula.node
        return not isinstance(bare, Not | And | Or)
    return len(formula.children) > 1 and all(
        well_formed(child) and not isinstance(child, Known | type(formula)) for child in formula.children
    )


@thorough
@given(BOOLEAN)
def test_the_canonical_spelling_reads_as_the_same_condition(node: Node) -> None:
    condition = parse_condition(spell(node), SCOPE)
    assert parse_condition(condition.text, SCOPE) == condition
    for atom in atoms_of(condition.nnf()):
        assert parse_condition(atom.text, SCOPE).sql(SQLITE) == atom.sql(SQLITE)


@thorough
@given(AGE_TEST | of(("and", "or"), AGE_TEST, AGE_TEST | BOOLEAN) | BOOLEAN)
def test_nothing_changes_before_the_earliest_turning_point(users: Population, node: Node) -> None:
    condition = parse_condition(spell(node), SCOPE)
    points = condition.turning_points()
    for row, (earliest,) in zip(users.rows, users.ask(earliest_sql(points, users.dialect)), strict=True):
        assert isinstance(earliest, int)
        assert earliest > NOW
        ticks = [NOW + k * DAY // 4 for k in range(1, 9)] + [NOW + k * DAY for k in (59, 60, 61, 62, 400)]
        later = [at for at in itertools.chain(ticks, (NOW + 1, earliest - 1)) if NOW < at < earliest]
        now = evaluate(node, row, NOW)
        assert all(evaluate(node, row, at) == now for at in later)


def test_any_and_all_are_told_apart() -> None:
    formula = parse_condition("vip or optin and not vip", SCOPE).nnf()
    assert isinstance(formula, Any)
    assert isinstance(formula.children[1], All)
