"""Parsing a condition's text with sqlglot, after checking limits. Every failure is a mistake with a position."""

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from engine.conditions.errors import ConditionError, ConditionErrors, located

MAX_TEXT = 4_000
MAX_NODES = 500
MAX_DEPTH = 50

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_PREFIX = frozenset({TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE})


def read(text: str) -> exp.Expr:
    """Return sqlglot's tree of ``text``.

    Raises:
        ConditionErrors: the text is empty, too large, nested too deeply, or not an expression.
    """
    _check_text(text)
    tokens = _tokens(text)
    _check_nesting(text, tokens)
    try:
        tree = sqlglot.parse_one(text, into=exp.Condition)
    except ParseError as error:
        raise ConditionErrors(_parse_mistakes(text, error)) from error
    except RecursionError as error:
        raise ConditionErrors([located(text, 0, _TOO_DEEP)]) from error
    _check_tree(text, tree)
    _locate_words(tree, tokens)
    return tree


def offset_of(node: exp.Expr, otherwise: int = 0) -> int:
    """Return the offset at which ``node`` begins; ``otherwise`` if the parser kept no position."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(starts, default=otherwise)


_TOO_DEEP = f"nested too deeply: at most {MAX_DEPTH} levels; split it, for example into a fact with `expr`"


def _check_text(text: str) -> None:
    if not text.strip():
        raise ConditionErrors([located(text, 0, "the condition is empty")])
    if len(text) > MAX_TEXT:
        raise ConditionErrors([located(text, MAX_TEXT, f"too long: {len(text)} characters, at most {MAX_TEXT}")])
    for offset, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise ConditionErrors([located(text, offset, f"the character U+{ord(character):04X} is not allowed")])


def _tokens(text: str) -> list[Token]:
    try:
        return sqlglot.tokenize(text)
    except TokenError as error:
        offset, quote = _unclosed(text)
        what = "the comment that starts here is not closed" if quote == "/*" else f"the {quote} here is not closed"
        raise ConditionErrors([located(text, offset, what)]) from error


def _unclosed(text: str) -> tuple[int, str]:
    """Return the offset of the last unclosed quote or comment, and the characters that open it."""
    offset, length = 0, len(text)
    while offset < length:
        opener = "/*" if text.startswith("/*", offset) else text[offset]
        closer = {"'": "'", '"': '"', "/*": "*/"}.get(opener)
        if closer is None:
            offset += 1
            continue
        end = text.find(closer, offset + len(opener))
        if end < 0:
            return offset, opener
        offset = end + len(closer)
    return length, "text"


def _check_nesting(text: str, tokens: list[Token]) -> None:
    """Refuse nesting that would exhaust the recursive parser, before it starts."""
    depth = run = 0
    for token in tokens:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        run = run + 1 if token.token_type in _PREFIX else 0
        if depth > MAX_DEPTH or run > MAX_DEPTH:
            raise ConditionErrors([located(text, token.start, _TOO_DEEP)])


def _check_tree(text: str, tree: exp.Expr) -> None:
    count, pending = 0, [(tree, 1)]
    while pending:
        node, depth = pending.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise ConditionErrors([located(text, offset_of(node), _TOO_DEEP)])
        for child in node.iter_expressions():
            flat = type(child) is type(node) and isinstance(child, exp.And | exp.Or)
            pending.append((child, depth if flat else depth + 1))
    if count > MAX_NODES:
        raise ConditionErrors([located(text, 0, f"too large: {count} parts, at most {MAX_NODES}")])


def _locate_words(tree: exp.Expr, tokens: list[Token]) -> None:
    """Give NULL, TRUE and FALSE their positions, which the parser does not keep for them."""
    for kinds, node_type in (({TokenType.NULL}, exp.Null), ({TokenType.TRUE, TokenType.FALSE}, exp.Boolean)):
        starts = [token.start for token in tokens if token.token_type in kinds]
        nodes = [node for node in tree.walk(bfs=False) if isinstance(node, node_type)]
        if len(starts) == len(nodes):  # ISNULL and UNKNOWN create such nodes without these tokens
            for node, start in zip(nodes, starts, strict=True):
                node.meta["start"] = start


def _parse_mistakes(text: str, error: ParseError) -> list[ConditionError]:
    found = [_parse_mistake(text, detail) for detail in error.errors]
    return found or [located(text, 0, "this is not a condition")]


def _parse_mistake(text: str, detail: dict[str, object]) -> ConditionError:
    line, end, word = int(str(detail["line"])), int(str(detail["col"])), str(detail["highlight"])
    lines = text.split("\n")
    before = sum(len(row) + 1 for row in lines[: line - 1])
    offset = max(0, min(before + end - max(len(word), 1), len(text)))
    return located(text, offset, _in_words(str(detail["description"]), word))


def _in_words(description: str, word: str) -> str:
    if description.startswith("Expecting )"):
        return f"a `)` is missing after `{word}`"
    if description.startswith("Required keyword"):
        return f"something is missing next to `{word}`"
    if word == "&&":
        return "unexpected `&&`; write AND"
    return f"unexpected `{word}`"
