"""The allowed nodes and arguments of conditions; everything else is refused with advice."""

from sqlglot import exp

_TWO = frozenset({"this", "expression"})
_ONE = frozenset({"this"})
_LIST = frozenset({"this", "expressions"})

_ALLOWED: dict[type[exp.Expr], frozenset[str]] = {
    **dict.fromkeys((exp.And, exp.Or, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is), _TWO),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Nullif, exp.Escape), _TWO),
    **dict.fromkeys((exp.Not, exp.Paren, exp.Neg, exp.Boolean, exp.Abs, exp.Floor, exp.Ceil), _ONE),
    **dict.fromkeys((exp.In, exp.Coalesce, exp.Anonymous), _LIST),
    **dict.fromkeys((exp.Least, exp.Greatest), _LIST | {"ignore_nulls"}),
    exp.Null: frozenset(),
    exp.Div: _TWO | {"typed", "safe"},
    exp.Like: _TWO | {"negate"},
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Column: frozenset({"this", "table"}),
    exp.Case: frozenset({"ifs", "default"}),
}
_REMEDIES: dict[str, str] = {
    "dpipe": "`||` joins texts, which conditions cannot do; write OR between conditions",
    "ilike": "ILIKE cannot be used in conditions; LIKE is case-sensitive",
    "subquery": "conditions cannot contain queries; declare a fact instead",
    "exists": "conditions cannot contain queries; declare a fact instead",
    "select": "conditions cannot contain queries; declare a fact instead",
    "currenttimestamp": "conditions cannot use the current time; use days_since(…)",
    "currentdate": "conditions cannot use the current time; use days_since(…)",
    "interval": "intervals cannot be used in conditions; use days_since(…)",
    "cast": "casts cannot be used in conditions; the fact declares its type",
    "if": "write CASE WHEN … THEN … ELSE … END",
    "nullsafeeq": "write `a = b` or test IS NULL",
    "nullsafeneq": "write `a <> b` or test IS NULL",
    "tuple": "a list in parentheses can only follow IN",
    "concat": "two texts side by side; is a comma or an operator missing?",
    "placeholder": "parameters cannot be used in conditions; write the value",
    "parameter": "parameters cannot be used in conditions; write the value",
    "mod": "the remainder cannot be used in conditions",
    "rawstring": "write plain text in single quotes",
    "national": "write plain text in single quotes",
}
FUNCTIONS = ("abs", "ceil", "coalesce", "days_since", "floor", "greatest", "least", "nullif")


def refusal(node: exp.Expr) -> str | None:
    """Return why ``node`` itself cannot be used in conditions; None if it can."""
    allowed = _ALLOWED.get(type(node))
    if allowed is None:
        return _unknown(node)
    extra = [name for name, value in node.args.items() if value and name not in allowed]
    if extra:
        return _extra(node, extra)
    if isinstance(node, exp.Anonymous):
        return _function(node)
    if isinstance(node, exp.Escape) and not isinstance(node.this, exp.Like):
        return "ESCAPE can only follow LIKE"
    return None


def _unknown(node: exp.Expr) -> str:
    remedy = _REMEDIES.get(node.key)
    if remedy:
        return remedy
    if isinstance(node, exp.Func):
        return f"conditions have no function {node.sql_name().lower()}(…); known: {', '.join(FUNCTIONS)}"
    return f"`{node.sql()[:40]}` cannot be used in conditions"


def _extra(node: exp.Expr, extra: list[str]) -> str:
    if isinstance(node, exp.Case):
        return "write out the comparison: CASE WHEN x = 1 THEN …"
    if isinstance(node, exp.In):
        return "IN takes a list in parentheses, such as IN (1, 2)"
    if isinstance(node, exp.Column):
        return "a name has at most one dot"
    return f"`{node.sql()[:40]}`: {extra[0]} cannot be used in conditions"


def _function(node: exp.Anonymous) -> str | None:
    name = str(node.this)
    if name.lower() != "days_since":
        return f"conditions have no function {name}(…); known: {', '.join(FUNCTIONS)}"
    if len(node.expressions) != 1:
        return "days_since(…) takes one fact, an instant or a date"
    return None
