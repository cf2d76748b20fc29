"""The type checker: turns sqlglot's tree into the checked tree, and reports all mistakes at once."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from sqlglot import exp

from engine.conditions.arithmetic import FunctionName, Sign, arithmetic, call, days_since, negative, number_constant
from engine.conditions.errors import ConditionErrors, located
from engine.conditions.places import place_name, unplaced
from engine.conditions.predicates import between, compare, match, member
from engine.conditions.reading import offset_of
from engine.conditions.refusals import refusal
from engine.conditions.tree import (
    And,
    Case,
    Constant,
    IsNull,
    IsTruth,
    Not,
    Op,
    Or,
    PlaceTest,
    Ref,
    Value,
)
from engine.conditions.types import Name, PlaceType, Scope, ValueType
from engine.conditions.unify import CascadingError, NodeError, Operand, described, is_null, unify
from engine.content.findings import did_you_mean
from engine.store.statement import quoted

_OPS: dict[type[exp.Expr], Op] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_SIGNS: dict[type[exp.Expr], Sign] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_FUNCTIONS: dict[type[exp.Expr], FunctionName] = {
    exp.Coalesce: "coalesce",
    exp.Nullif: "nullif",
    exp.Abs: "abs",
    exp.Least: "least",
    exp.Greatest: "greatest",
    exp.Floor: "floor",
    exp.Ceil: "ceil",
}
T = TypeVar("T")


def check(text: str, tree: exp.Expr, scope: Scope, *, condition: bool) -> Value:
    """Return the checked tree; with ``condition`` it must be boolean.

    Raises:
        ConditionErrors: all independent mistakes; empty if all of them follow from ``scope.broken``.
    """
    checker = _Checker(scope)
    try:
        return checker.condition(tree) if condition else checker.expression(tree)
    except NodeError as last:
        mistakes = [mistake for mistake in (*checker.mistakes, last) if not isinstance(mistake, CascadingError)]
        raise ConditionErrors([located(text, mistake.offset, str(mistake)) for mistake in mistakes]) from last


class _Checker:
    """Walks one tree. A method raises its last mistake; ``mistakes`` has those found earlier in siblings."""

    def __init__(self, scope: Scope) -> None:
        self.mistakes: list[NodeError] = []
        self._scope = scope
        self._scale = scope.currency_scale

    def _each(self, check_one: Callable[[exp.Expr], T], nodes: Sequence[exp.Expr]) -> list[T]:
        """Check all ``nodes`` before failing, so that one mistake does not hide the next."""
        done: list[T] = []
        last: NodeError | None = None
        for node in nodes:
            try:
                done.append(check_one(node))
            except NodeError as mistake:
                if last is not None:
                    self.mistakes.append(last)
                last = mistake
        if last is not None:
            raise last
        return done

    def expression(self, node: exp.Expr) -> Value:
        """Return ``node`` as a typed value."""
        value = self.operand(node).value
        if is_null(value):
            raise NodeError(0, "NULL alone is not an expression, because it has no type")
        return value

    def condition(self, node: exp.Expr) -> Value:
        """Return ``node`` as a boolean."""
        operand = self.operand(node)
        if is_null(operand.value) or operand.value.type is not ValueType.BOOLEAN:
            what = "NULL" if is_null(operand.value) else described(operand.value)
            raise NodeError(operand.offset, f"{what}, not a condition; compare it with something")
        return operand.value

    def operand(self, node: exp.Expr) -> Operand:
        """Return ``node`` as a value; a dimension is refused."""
        offset = offset_of(node)
        place = self._place(node)
        if place is not None:
            raise NodeError(offset, f"{place.type} can only be compared with its places: =, <>, IN or IS NULL")
        return Operand(self._value(node), offset)

    def _operands(self, *nodes: exp.Expr) -> list[Operand]:
        return self._each(self.operand, nodes)

    def _value(self, node: exp.Expr) -> Value:
        refused = refusal(node)
        if refused:
            raise NodeError(offset_of(node), refused)
        kind = type(node)
        if kind in _OPS:
            return self._compare(_OPS[kind], node)
        if kind in _SIGNS:
            left, right = self._operands(node.this, node.expression)
            return arithmetic(_SIGNS[kind], left, right, self._scale)
        if kind in _FUNCTIONS:
            return call(_FUNCTIONS[kind], self._operands(*_arguments(node)), self._scale)
        return self._other(node)

    def _other(self, node: exp.Expr) -> Value:
        match node:
            case exp.Paren():
                return self.operand(node.this).value
            case exp.Column():
                return self._ref(node)
            case exp.Literal() | exp.Boolean() | exp.Null():
                return _constant(node)
            case exp.Neg():
                return negative(self.operand(node.this))
            case exp.Anonymous():
                return days_since(self.operand(node.expressions[0]), self._scale)
            case exp.Case():
                return self._case(node)
            case _:
                return self._boolean(node)

    def _boolean(self, node: exp.Expr) -> Value:
        match node:
            case exp.And():
                return _joined(And, self._parts(node, exp.And))
            case exp.Or():
                return _joined(Or, self._parts(node, exp.Or))
            case exp.Not():
                return Not(self.condition(node.this))
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between():
                value, low, high = self._operands(node.this, node.args["low"], node.args["high"])
                return between(value, low, high, self._scale)
            case exp.Like():
                return self._like(node, None)
            case exp.Escape(this=exp.Like() as like):
                return self._like(like, node.expression)
            case _:
                raise NodeError(offset_of(node), f"`{node.key}` cannot be used in conditions")

    def _parts(self, node: exp.Expr, kind: type[exp.And] | type[exp.Or]) -> list[Value]:
        nodes: list[exp.Expr] = []
        pending = [node]
        while pending:
            current = pending.pop()
            while isinstance(current, exp.Paren):
                current = current.this
            if isinstance(current, kind):
                pending += [current.expression, current.this]
            else:
                nodes.append(current)
        return self._each(self.condition, nodes)

    def _name(self, node: exp.Expr) -> tuple[str, Name] | None:
        while isinstance(node, exp.Paren):
            node = node.this
        if not isinstance(node, exp.Column) or node.this.args.get("quoted"):
            return None
        name = f"{node.table}.{node.name}" if node.table else node.name
        found = self._scope.names.get(name)
        return (name, found) if found is not None else None

    def _place(self, node: exp.Expr) -> Name | None:
        found = self._name(node)
        return found[1] if found and isinstance(found[1].type, PlaceType) else None

    def _ref(self, node: exp.Column) -> Ref:
        found = self._name(node)
        if found is None:
            raise self._unknown(node)
        name, source = found
        if isinstance(source.type, PlaceType):
            raise NodeError(offset_of(node), f"{source.type} is not a fact")
        return Ref(name, source.type, source)

    def _unknown(self, node: exp.Column) -> NodeError:
        offset = offset_of(node)
        if node.this.args.get("quoted"):
            return NodeError(
                offset, f'"{node.name}" is a name in SQL; write text in single quotes: {quoted(node.name)}'
            )
        name = f"{node.table}.{node.name}" if node.table else node.name
        message = f"unknown {self._scope.noun} `{name}`{did_you_mean(name, (*self._scope.names, *self._scope.broken))}"
        return CascadingError(offset, message) if name in self._scope.broken else NodeError(offset, message)

    def _compare(self, op: Op, node: exp.Expr) -> Value:
        sides = (node.this, node.expression)
        for one, other in (sides, sides[::-1]):
            if self._place(one) is not None:
                return self._place_compare(op, one, other)
        left, right = self._operands(*sides)
        return compare(op, left, right, self._scale)

    def _place_compare(self, op: Op, dimension: exp.Expr, place: exp.Expr) -> Value:
        if op not in {"=", "<>"}:
            raise NodeError(offset_of(dimension), f"places have no order for `{op}`; use =, <> or IN")
        test = self._place_test(dimension, [place])
        return test if op == "=" else Not(test)

    def _place_test(self, dimension: exp.Expr, nodes: Sequence[exp.Expr]) -> PlaceTest:
        found = self._name(dimension)
        if found is None or not isinstance(found[1].type, PlaceType):
            raise NodeError(offset_of(dimension), "this is not a dimension")
        name, source = found
        kind = found[1].type
        places = self._each(lambda node: place_name(node, kind), nodes)
        return PlaceTest(name, source, tuple(sorted(set(places))), kind.many)

    def _in(self, node: exp.In) -> Value:
        if self._place(node.this) is not None:
            return self._place_test(node.this, node.expressions)
        value, *options = self._operands(node.this, *node.expressions)
        return member(value, options, self._scale)

    def _is(self, node: exp.Is) -> Value:
        place = self._name(node.this) if self._place(node.this) else None
        if isinstance(node.expression, exp.Null):
            return IsNull(self.operand(node.this).value) if place is None else unplaced(node, *place)
        if isinstance(node.expression, exp.Boolean):
            return IsTruth(self.condition(node.this), bool(node.expression.this))
        raise NodeError(offset_of(node), "IS takes NULL, TRUE or FALSE; use = to compare")

    def _like(self, node: exp.Like, escape: exp.Expr | None) -> Value:
        like = match(self.operand(node.this), node.expression, escape, offset_of(node))
        return Not(like) if node.args.get("negate") else like

    def _case(self, node: exp.Case) -> Case:
        ifs = node.args["ifs"]
        whens = self._each(self.condition, [branch.this for branch in ifs])
        nodes = [branch.args["true"] for branch in ifs]
        default = node.args.get("default")
        results = self._operands(*nodes, *([default] if default is not None else []))
        if default is None:
            results.append(Operand(Constant(None, ValueType.TEXT, "NULL"), offset_of(node)))
        if all(is_null(result.value) for result in results):
            raise NodeError(offset_of(node), "every branch of this CASE is NULL")
        kind, values = unify(results, self._scale)
        kind = ValueType.NUMBER if ValueType.NUMBER in {value.type for value in values} else kind
        return Case(tuple(zip(whens, values[:-1], strict=True)), values[-1], kind)


def _joined(kind: type[And] | type[Or], parts: Sequence[Value]) -> Value:
    """Return the AND or OR of distinct ``parts``; nested ones of the same kind are merged into it."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    distinct = tuple(dict.fromkeys(flat))
    return kind(distinct) if len(distinct) > 1 else distinct[0]


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    return [part for part in (node.this, node.args.get("expression"), *node.expressions) if part is not None]


def _constant(node: exp.Expr) -> Constant:
    if isinstance(node, exp.Null):
        return Constant(None, ValueType.TEXT, "NULL")
    if isinstance(node, exp.Boolean):
        return Constant(bool(node.this), ValueType.BOOLEAN, "TRUE" if node.this else "FALSE")
    if node.is_string:
        return Constant(str(node.this), ValueType.TEXT, quoted(str(node.this)))
    return number_constant(Decimal(str(node.this)), offset_of(node))
