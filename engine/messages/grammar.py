"""The constructs that templates can use, and the preparation of the syntax tree.

Constructs are refused if they would turn slots back into text (a filter over a block, a block assigned to a variable),
could run forever, or have names that cannot be resolved before rendering.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from jinja2 import nodes

LOOP_BOUND = "bound of a loop"
TEXT_JOIN = "join of texts"
"""Names of internal filters; a template cannot use them, because they contain spaces."""

REFERENCES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
"""The nodes that refer to another file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a template. ``line`` counts from 1."""

    line: int
    message: str


_REFUSED: dict[type[nodes.Node], str] = {
    nodes.FilterBlock: "`{% filter %}` is not available; apply the filter to the value: `{{ value | filter }}`",
    nodes.AssignBlock: "`{% set x %}…{% endset %}` is not available; use a macro, or `{% set x = … %}`",
    nodes.EvalContextModifier: "escaping cannot be switched",
    nodes.ScopedEvalContextModifier: "escaping cannot be switched",
    nodes.Pow: "`**` is not available",
    nodes.NSRef: "`namespace` is not available",
}


def is_layout(path: str) -> bool:
    """Tell whether the file at ``path`` is not a message, but only to be extended or included."""
    return path.startswith("layouts/") or path.rsplit("/", 1)[-1].startswith("_")


def problems_of(tree: nodes.Template) -> Iterator[Problem]:
    """Yield the constructs in this template that are not allowed."""
    for node in tree.find_all(tuple(_REFUSED)):
        yield Problem(node.lineno, _REFUSED[type(node)])
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            yield Problem(loop.lineno, "recursive loops are not available")
    for reference in tree.find_all(REFERENCES):
        if named_file(reference) is None:
            yield Problem(reference.lineno, "the name of a file must be a literal, in quotes")
    for extends in tree.find_all(nodes.Extends):
        if extends not in tree.body:
            yield Problem(extends.lineno, "`{% extends %}` must not be inside another block")


def named_file(reference: nodes.Node) -> str | None:
    """Return the path given in an ``extends``, ``include`` or ``import``, or None if it is computed."""
    target = reference.template  # type: ignore[attr-defined]
    return target.value if isinstance(target, nodes.Const) and isinstance(target.value, str) else None


def parent_of(tree: nodes.Template) -> str | None:
    """Return the path of the layout that this template extends."""
    extends = tree.find(nodes.Extends)
    return named_file(extends) if extends else None


def prepare_tree(tree: nodes.Template, path: str, apart: Collection[str]) -> nodes.Template:
    """Limit loops and ``~``, and keep the blocks in ``apart`` out of the message's page."""
    for loop in tree.find_all(nodes.For):
        values = loop.iter
        loop.iter = nodes.Filter(values, LOOP_BOUND, [], [], None, None, lineno=values.lineno)
    _replace_joins(tree)
    if parent_of(tree) is None and not is_layout(path):
        tree.body = [_muted(node, apart) for node in tree.body]
    return tree


def _muted(node: nodes.Node, apart: Collection[str]) -> nodes.Node:
    """Declare a part without printing it in place, because each part is rendered separately."""
    if isinstance(node, nodes.Block) and node.name in apart:
        return nodes.If(nodes.Const(False, lineno=node.lineno), [node], [], [], lineno=node.lineno)
    return node


def _replace_joins(node: nodes.Node) -> None:
    for name, value in list(node.iter_fields()):
        if isinstance(value, list):
            setattr(node, name, [_without_join(item) for item in value])
        elif isinstance(value, nodes.Node):
            setattr(node, name, _without_join(value))


def _without_join(item: object) -> object:
    if not isinstance(item, nodes.Node):
        return item
    _replace_joins(item)
    if isinstance(item, nodes.Concat):
        texts = nodes.List(item.nodes, lineno=item.lineno)
        return nodes.Filter(texts, TEXT_JOIN, [], [], None, None, lineno=item.lineno)
    return item
