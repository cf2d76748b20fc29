"""Parsing and compiling templates within what Jinja2 and Python can take: beyond it they fail with errors of their own."""

import re
from types import CodeType
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser

DEEPEST = 100
"""The deepest nesting of a template: everything that walks through it calls itself for each level."""

_DEEPLY = f"is nested more than {DEEPEST} levels deep; split it, for example with `{{% include %}}` or `{{% set %}}`"
_TOO_DEEPLY = "has too many loops or conditions inside each other: at most 20 loops"
_LINES = re.compile(r"^debug_info = '([0-9=&]*)'$", re.MULTILINE)


def parse(environment: Environment, source: str, name: str | None, filename: str | None) -> nodes.Template:
    """Parse a template.

    Raises:
        TemplateSyntaxError: it has a mistake, or is nested too deeply.
    """
    parser: Parser | None = None
    try:
        parser = Parser(environment, source, name, filename)
        tree = parser.parse()
    except RecursionError:
        raise TemplateSyntaxError(_DEEPLY, _line(parser), name, filename) from None
    except ValueError:  # the interpreter's limit on digits
        raise TemplateSyntaxError("has a number with too many digits", _line(parser), name, filename) from None
    line = _too_deep(tree)
    if line:
        raise TemplateSyntaxError(_DEEPLY, line, name, filename)
    return tree


def _line(parser: Parser | None) -> int:
    return parser.stream.current.lineno if parser else 1


def _too_deep(tree: nodes.Template) -> int:
    """Return the line of a node that is too deep; 0 if there is none."""
    level: list[nodes.Node] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return 0
    return level[0].lineno


def compiled(source: str, filename: str) -> CodeType:
    """Compile the Python code that Jinja2 made of a template.

    Raises:
        TemplateSyntaxError: Python refuses it.
    """
    try:
        return compile(source, filename, "exec")
    except SyntaxError as error:
        raise TemplateSyntaxError(_TOO_DEEPLY, _template_line(source, error.lineno or 0), filename, filename) from None
    except (RecursionError, MemoryError):
        raise TemplateSyntaxError(_TOO_DEEPLY, 1, filename, filename) from None


def _template_line(source: str, line: int) -> int:
    """Return the template's line for a line of its code."""
    found = _LINES.search(source)
    pairs: list[Any] = [pair.split("=") for pair in found[1].split("&")] if found and found[1] else []
    return max((int(ours) for ours, theirs in pairs if int(theirs) <= line), default=1)
