"""Inspecting templates without rendering them: mistakes within and across files, and the variables they read."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Environment, TemplateError, TemplateSyntaxError, nodes

from engine.content.findings import did_you_mean
from engine.messages.blocks import Blocks
from engine.messages.grammar import (
    LOOP_BOUND,
    REFERENCES,
    TEXT_JOIN,
    is_layout,
    named_file,
    parent_of,
    problems_of,
)

_RESERVED = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True, order=True)
class TemplateProblem:
    """One mistake in one file. ``line`` counts from 1; 0 means the whole file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A dotted name that a template reads, and where. ``guarded``: the template handles a missing value there."""

    path: str
    line: int
    name: str
    guarded: bool = False


def check_source(environment: Environment, path: str, source: str) -> list[TemplateProblem]:
    """Return the mistakes in one file: reserved characters, syntax, constructs, filters and tests."""
    reserved = [
        TemplateProblem(path, number, "has a private-use character (U+E000 to U+F8FF), which is reserved")
        for number, line in enumerate(source.split("\n"), 1)
        if _RESERVED.search(line)
    ]
    if reserved:
        return reserved
    try:
        tree = environment.parse(source, path)
    except TemplateSyntaxError as error:
        return [TemplateProblem(path, error.lineno, error.message or "syntax error")]
    problems = [TemplateProblem(path, found.line, found.message) for found in problems_of(tree)]
    problems += (TemplateProblem(path, line, message) for line, message in _unknown_names(environment, tree))
    return problems or _compile_problem(environment, path, source)


def _unknown_names(environment: Environment, tree: nodes.Template) -> Iterator[tuple[int, str]]:
    filters = set(environment.filters) - {LOOP_BOUND, TEXT_JOIN}
    for used in tree.find_all(nodes.Filter):
        if used.name not in filters:
            yield used.lineno, f"unknown filter `{used.name}`{did_you_mean(used.name, filters)}"
    for test in tree.find_all(nodes.Test):
        if test.name not in environment.tests:
            yield test.lineno, f"unknown test `{test.name}`{did_you_mean(test.name, environment.tests)}"


def _compile_problem(environment: Environment, path: str, source: str) -> list[TemplateProblem]:
    try:
        environment.compile(source, path, path)
    except TemplateSyntaxError as error:
        return [TemplateProblem(path, error.lineno, error.message or "syntax error")]
    return []


def problems_across(
    environment: Environment,
    sources: Mapping[str, str],
    blocks_of: Callable[[str], Blocks | None],
) -> list[TemplateProblem]:
    """Return the mistakes across files: unknown files, cycles, missing blocks, and blocks that are never printed."""
    trees = parse_all(environment, sources)
    problems = [problem for path, tree in trees.items() for problem in _unknown_files(path, tree, sources)]
    cycles = _cycles(trees)
    if not cycles:
        messages = ((path, blocks_of(path)) for path in trees if not is_layout(path))
        problems += (problem for path, blocks in messages if blocks for problem in _block_problems(path, trees, blocks))
    return problems + cycles


def parse_all(environment: Environment, sources: Mapping[str, str]) -> dict[str, nodes.Template]:
    """Return the trees of the files that can be parsed; ``check_source`` reports the others."""
    trees: dict[str, nodes.Template] = {}
    for path, source in sources.items():
        try:
            trees[path] = environment.parse(source, path)
        except TemplateError:
            continue
    return trees


def _unknown_files(path: str, tree: nodes.Template, known: Collection[str]) -> Iterator[TemplateProblem]:
    for reference in tree.find_all(REFERENCES):
        target = named_file(reference)
        if target is not None and target not in known:
            yield TemplateProblem(path, reference.lineno, f"no file `{target}`{did_you_mean(target, known)}")


def _targets(tree: nodes.Template) -> list[str]:
    return [target for reference in tree.find_all(REFERENCES) if (target := named_file(reference)) is not None]


def _cycles(trees: Mapping[str, nodes.Template]) -> list[TemplateProblem]:
    def reaches_itself(start: str) -> bool:
        return start in reachable(trees, _targets(trees[start]))

    return [TemplateProblem(path, 0, "extends or includes itself") for path in trees if reaches_itself(path)]


def reachable(trees: Mapping[str, nodes.Template], starts: Iterable[str]) -> set[str]:
    """Return ``starts`` and all known files that they extend, include or import, directly or not."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path in trees and path not in seen:
            seen.add(path)
            waiting += _targets(trees[path])
    return seen


def _block_problems(path: str, trees: Mapping[str, nodes.Template], blocks: Blocks) -> Iterator[TemplateProblem]:
    own = {block.name: block.lineno for block in trees[path].find_all(nodes.Block)}
    inherited: set[str] = set()
    placeholders: set[str] = set()
    parent = parent_of(trees[path])
    while parent is not None and parent in trees:
        names = {block.name for block in trees[parent].find_all(nodes.Block)}
        (placeholders if is_layout(parent) else inherited).update(names)
        parent = parent_of(trees[parent])
    nested = _nested_blocks(trees[path])
    known = {*blocks.names, *placeholders, *inherited}
    unknown_layout = parent is not None
    lost = [] if unknown_layout else [name for name in own if name not in known and name not in nested]
    for name in lost:
        yield TemplateProblem(path, own[name], f"nothing prints the block `{name}`{did_you_mean(name, known)}")
    has = set(own) | inherited | ({blocks.page} if lost or unknown_layout else set())
    yield from _missing_blocks(path, blocks, has, placeholders)


def _missing_blocks(path: str, blocks: Blocks, has: set[str], placeholders: set[str]) -> Iterator[TemplateProblem]:
    fills_layout = bool((has & placeholders) - set(blocks.names))
    for needed in blocks.required:
        if needed not in has and not (needed == blocks.page and fills_layout):
            yield TemplateProblem(path, 0, f"the block `{needed}` is missing")


def _nested_blocks(tree: nodes.Template) -> set[str]:
    blocks = tree.find_all(nodes.Block)
    return {inner.name for outer in blocks for node in outer.body for inner in _blocks_in(node)}


def _blocks_in(node: nodes.Node) -> Iterator[nodes.Block]:
    if isinstance(node, nodes.Block):
        yield node
    yield from node.find_all(nodes.Block)


def declared_names(tree: nodes.Template) -> Iterator[str]:
    """Yield the names that the file defines outside its blocks, which its blocks can use."""
    for node in tree.body:
        if isinstance(node, nodes.Assign):
            yield from (name.name for name in node.find_all(nodes.Name) if name.ctx == "store")
        elif isinstance(node, nodes.Macro):
            yield node.name
        elif isinstance(node, nodes.Import):
            yield node.target
        elif isinstance(node, nodes.FromImport):
            yield from (name if isinstance(name, str) else name[1] for name in node.names)


def dotted_name(node: nodes.Node) -> str | None:
    """Return ``user.name`` for that expression, None for any other."""
    if isinstance(node, nodes.Name) and node.ctx == "load":
        return node.name
    if isinstance(node, nodes.Getattr):
        owner = dotted_name(node.node)
        return f"{owner}.{node.attr}" if owner is not None else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        owner = dotted_name(node.node)
        return f"{owner}.{node.arg.value}" if owner is not None else None
    return None
