"""What each shipped adapter can do, read from its kind, its class and its code: the matrix of ``docs/adapters.md``.

``python -m tests.docs.capabilities`` rewrites the matrix on the page.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import get_type_hints

from adapters.base import Adapter, GivesSendKeys, ReceiptKind, TellsDeparture
from adapters.kinds import AdapterKind, WithClock
from engine.kinds import SHIPPED
from tests.docs.tables import DOCS

PAGE = DOCS / "adapters.md"
HEADING = "## What each adapter can do"
YES, NO = "yes", "–"
_SHARED = ("adapters.filed",)
"""Code of several providers that does what an adapter otherwise does itself; the port and the HTTP client do not."""


def adapter_class(kind: AdapterKind) -> type[Adapter]:
    """Return the class of a kind's adapters."""
    make = kind.make.make if isinstance(kind.make, WithClock) else kind.make
    made = make if isinstance(make, type) else get_type_hints(make)["return"]
    assert isinstance(made, type)
    return made


def modules(kind: AdapterKind) -> Iterator[str]:
    """Yield the adapter's modules: its file, or all of its folder."""
    name = adapter_class(kind).__module__
    package = name.rpartition(".")[0]
    if package == "adapters":
        yield name
        return
    names = [package, *(f"{package}.{one.name}" for one in iter_modules(sys.modules[package].__path__))]
    yield from (name for name in names if not name.rpartition(".")[2].startswith("test_"))


def tree(module: str) -> ast.Module:
    found = find_spec(module)
    assert found is not None
    return ast.parse(
        Path(found.origin).read_text(encoding="utf-8") if found.origin else ""
    )  # a folder may have no file


def imported(one: ast.Module) -> Iterator[str]:
    for node in ast.walk(one):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@dataclass(frozen=True)
class Look:
    """What the code of an adapter does, where nothing declares it."""

    kind: AdapterKind

    @cached_property
    def nodes(self) -> list[ast.AST]:
        own = [tree(name) for name in modules(self.kind)]
        shared = {name for one in own for name in imported(one) if name.startswith(_SHARED)}
        return [node for one in [*own, *map(tree, sorted(shared))] for node in ast.walk(one)]

    @property
    def calls(self) -> list[ast.Call]:
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    def called(self, name: str) -> bool:
        return any(isinstance(one.func, ast.Name) and one.func.id == name for one in self.calls)

    def receipts(self) -> str:
        """Return which kinds of receipt it makes; those that options name count."""
        if self.kind.receipts is None:
            return NO
        named = {
            node.attr
            for node in self.nodes
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ReceiptKind"
        }
        found = [one.value for one in ReceiptKind if one.name in named]
        return "as its options say" if self.called("ReceiptKind") else ", ".join(found)

    def gone(self) -> bool:
        """Tell whether an answer or a receipt of it can say ``gone``."""
        given = [word.value for one in self.calls for word in one.keywords if word.arg == "gone"]
        return any(not (isinstance(value, ast.Constant) and value.value is False) for value in given)

    def several_secrets(self) -> bool:
        """Tell whether an option can hold two secrets, with a space between them."""
        return any(ast.unparse(one).endswith(".get_secret_value().split()") for one in self.calls)


def second_copy(kind: AdapterKind) -> str:
    if kind.repeatable:
        return "by our key"
    return "by a send key" if _can(kind, GivesSendKeys) else NO


def _can(kind: AdapterKind, protocol: type) -> bool:
    """Tell whether the class has what the protocol asks for; ``issubclass`` does not work with data members."""
    wanted = {name for name in vars(protocol) if not name.startswith("_")}
    return all(hasattr(adapter_class(kind), name) for name in wanted)


def _said(fact: object) -> str:
    return YES if fact else NO


def row(kind: AdapterKind) -> list[str]:
    """Return the cells of one adapter."""
    look = Look(kind)
    return [
        f"`{kind.name}`",
        kind.channel or "any",
        ", ".join(sorted(kind.platforms)) or NO,
        _said(kind.records_only),
        _said(_can(kind, TellsDeparture)),
        second_copy(kind),
        look.receipts(),
        _said(look.called("IncomingText")),
        _said(look.gone()),
        _said(kind.review),
        _said(look.several_secrets()),
    ]


COLUMNS = (
    "adapter",
    "channel",
    "platforms",
    "keeps messages only",
    "tells departure",
    "recognises a second copy",
    "receipts",
    "incoming texts",
    "tells gone addresses",
    "reviews messages",
    "two secrets at once",
)


def matrix() -> str:
    """Return the table as the page has it."""
    lines = [
        [*COLUMNS],
        ["---"] * len(COLUMNS),
        *(row(kind) for kind in sorted(SHIPPED.adapters, key=lambda one: one.name)),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown() -> str:
    """Return the table that is on the page now."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n{HEADING}\n")[1].split("\n## ")[0]
    return "\n".join(line for line in section.splitlines() if line.startswith("|"))


def main() -> None:
    """Rewrite the table on the page."""
    PAGE.write_text(PAGE.read_text(encoding="utf-8").replace(shown(), matrix()), encoding="utf-8")


if __name__ == "__main__":
    main()
