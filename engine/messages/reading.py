"""Finding the values that a message reads, including its layouts and includes, block by block like rendering.

A name in a layout's block that the message overrides is not read; a name in an included file is.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from jinja2 import TemplateError, meta, nodes

from engine.messages.grammar import named_file, parent_of
from engine.messages.inspection import Variable, declared_names, dotted_name


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that one message reads. ``whole`` is False if one of its files is missing or has mistakes."""

    variables: tuple[Variable, ...]
    whole: bool
    circles: tuple[tuple[str, int, str], ...]
    """Blocks that contain themselves once the message is combined with its layouts: path, line, name."""


class MessageReader:
    """Analyses messages; ``trees`` are the files that can be parsed. Each file is analysed only once.

    ``parts_of`` returns, for a path, the blocks that are rendered although the page does not print them.
    """

    def __init__(self, trees: Mapping[str, nodes.Template], parts_of: Callable[[str], Collection[str]]) -> None:
        self._parts_of = parts_of
        self._outlines = {path: _outline(tree) for path, tree in trees.items()}
        self._readings: dict[str, Reading] = {}

    def read(self, path: str) -> Reading:
        """Return the values that the message at ``path`` reads.

        A variable is ``guarded`` if the template first tests that it, or the value it belongs to, exists.
        """
        if path not in self._readings:
            walk = _Walk(self._outlines, self._parts_of(path))
            walk.message(path)
            self._readings[path] = Reading(tuple(sorted(walk.found)), walk.whole, tuple(sorted(walk.circles)))
        return self._readings[path]


@dataclass(frozen=True, slots=True)
class _Outline:
    """One file: its tree, the names that it reads but does not define, its blocks and its layout."""

    tree: nodes.Template
    outside: frozenset[str]
    blocks: tuple[nodes.Block, ...]
    parent: str | None


@dataclass(slots=True)
class _Walk:
    """Walks through one message and everything that it includes."""

    outlines: Mapping[str, _Outline]
    parts: Collection[str]
    found: set[Variable] = field(default_factory=set)
    whole: bool = True
    circles: set[tuple[str, int, str]] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def message(self, path: str) -> None:
        """Read a file with its layouts."""
        if path in self._seen:
            return
        chain = self._chain(path)
        if chain:
            self._seen.update(chain)
            _Pass(self, chain).run()

    def _chain(self, path: str) -> list[str]:
        """Return the file and its layouts, the outermost last."""
        chain: list[str] = []
        at: str | None = path
        while at is not None and at in self.outlines and at not in chain:
            chain.append(at)
            at = self.outlines[at].parent
        self.whole = self.whole and at is None
        return chain


_AT_ONCE = (nodes.Assign, nodes.Import, nodes.FromImport, nodes.Macro)
"""The nodes that take effect outside the blocks of a file with a layout; others there are not rendered."""


class _Pass:
    """Walks through one file and its layouts."""

    def __init__(self, walk: _Walk, chain: list[str]) -> None:
        self._walk = walk
        *self._laid_over, self._root = chain
        self._blocks: dict[str, list[tuple[str, nodes.Block]]] = {}
        self._open: list[tuple[str, int]] = []
        for path in chain:
            for block in walk.outlines[path].blocks:
                self._blocks.setdefault(block.name, []).append((path, block))

    def run(self) -> None:
        for path in self._laid_over:
            for node in self._walk.outlines[path].tree.body:
                if isinstance(node, _AT_ONCE):
                    self._node(path, node, frozenset(), None)
        self._all(self._root, self._walk.outlines[self._root].tree, frozenset())
        for name in self._walk.parts:
            self._block(name, 0, frozenset())

    def _all(self, path: str, node: nodes.Node, guards: frozenset[str], block: tuple[str, int] | None = None) -> None:
        for child in node.iter_child_nodes():
            self._node(path, child, guards, block)

    def _node(self, path: str, node: nodes.Node, guards: frozenset[str], block: tuple[str, int] | None) -> None:
        name = dotted_name(node)
        if name is not None:
            self._name(path, node, name, guards)
        elif isinstance(node, nodes.Block):
            self._block(node.name, 0, guards)
        elif isinstance(node, (nodes.If, nodes.CondExpr)):
            self._condition(path, node, guards, block)
        elif isinstance(node, (nodes.And, nodes.Or)):
            self._node(path, node.left, guards, block)
            more = _present(node.left, holds=isinstance(node, nodes.And))
            self._node(path, node.right, guards | more, block)
        elif isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport)):
            self._walk.message(named_file(node) or "")
        else:
            if _is_super(node) and block is not None:
                self._block(block[0], block[1] + 1, guards)
            self._all(path, node, guards | _coped(node), block)

    def _block(self, name: str, level: int, guards: frozenset[str]) -> None:
        definitions = self._blocks.get(name, [])
        if level < len(definitions):
            path, block = definitions[level]
            if (name, level) in self._open:
                self._walk.circles.add((path, block.lineno, name))
                return
            self._open.append((name, level))
            self._all(path, block, guards, (name, level))
            self._open.pop()

    def _condition(
        self, path: str, node: nodes.If | nodes.CondExpr, guards: frozenset[str], block: tuple[str, int] | None
    ) -> None:
        self._node(path, node.test, guards, block)
        if isinstance(node, nodes.CondExpr):
            bodies: tuple[list[nodes.Node], ...] = ([node.expr1], [node.expr2] if node.expr2 is not None else [])
        else:
            bodies = (node.body, [*node.elif_, *node.else_])
        for body, more in zip(bodies, (_present(node.test, holds=True), _present(node.test, holds=False)), strict=True):
            for child in body:
                self._node(path, child, guards | more, block)

    def _name(self, path: str, node: nodes.Node, name: str, guards: frozenset[str]) -> None:
        if name.split(".", 1)[0] in self._walk.outlines[path].outside:
            guarded = any(name == guard or name.startswith(f"{guard}.") for guard in guards)
            self._walk.found.add(Variable(path, node.lineno, name, guarded))


def _outline(tree: nodes.Template) -> _Outline:
    try:
        outside = frozenset(meta.find_undeclared_variables(tree) - set(declared_names(tree)))
    except TemplateError:
        outside = frozenset()  # an unknown filter, which is reported as such
    return _Outline(tree, outside, tuple(tree.find_all(nodes.Block)), parent_of(tree))


def _is_super(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "super"


def _coped(node: nodes.Node) -> frozenset[str]:
    """Return the names whose absence ``default`` or ``is defined`` handles."""
    named = isinstance(node, nodes.Filter) and node.name in ("default", "d")
    named = named or (isinstance(node, nodes.Test) and node.name in ("defined", "undefined"))
    inner = dotted_name(node.node) if named and isinstance(node, (nodes.Filter, nodes.Test)) and node.node else None
    return frozenset({inner}) if inner is not None else frozenset()


def _present(test: nodes.Node, *, holds: bool) -> frozenset[str]:
    """Return the names that certainly exist if ``test`` holds, or if it does not."""
    return frozenset(_presences(test, holds=holds))


def _presences(test: nodes.Node, *, holds: bool) -> Iterator[str]:
    name = dotted_name(test)
    if name is not None:
        if holds:
            yield name
    elif isinstance(test, nodes.Not):
        yield from _presences(test.node, holds=not holds)
    elif isinstance(test, nodes.And if holds else nodes.Or):
        yield from _presences(test.left, holds=holds)
        yield from _presences(test.right, holds=holds)
    elif isinstance(test, nodes.Test) and test.name in (("defined",) if holds else ("undefined", "none")):
        inner = dotted_name(test.node)
        if inner is not None:
            yield inner
