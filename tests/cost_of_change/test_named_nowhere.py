"""No code outside its own file refers to a shipped kind, except the tuple that lists it, so a new kind costs no more.

The test searches the program for two kinds of reference: importing the kind's module, and comparing with its name.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.kinds import SHIPPED

ROOT = Path(__file__).parents[2]

FOLDERS = {
    "engine/channels": ("base", "outlets", "providers"),
    "engine/delivery/gates": ("base", "asking"),
    "engine/facts/sources": ("base", "declaration"),
    "engine/playbooks/steps": ("base",),
    "engine/playbooks/triggers": ("base", "candidates", "occasions"),
}
"""Folder of kinds -> its modules that are no kind, which others may import."""

MAY_IMPORT = {
    ("engine/delivery/drafting.py", "engine.delivery.gates.adapter"): "gives the same reason for a channel unknown",
    ("engine/delivery/drafting.py", "engine.delivery.gates.address"): "gives the same reason where no one was asked",
    ("engine/delivery/identity.py", "engine.playbooks.triggers.transitions"): "only moves have row ids as occasions",
    ("engine/delivery/preparing.py", "engine.delivery.gates.expiry"): "what cannot be loaded expires like any other",
    ("engine/facts/calibrate.py", "engine.facts.sources.quantile"): "calibration is of scores alone",
    ("engine/facts/calibration_needs.py", "engine.facts.sources.quantile"): "so is the need of one",
}
"""Module -> what it takes from a kind's file, and why that costs the next kind nothing."""

MAY_COMPARE = {
    ("engine/settings.py", "email"): "the old key `email.adapter` is read for one more version",
    ("engine/conditions/report.py", "when"): "the key of a condition in any file",
    ("engine/messages/checking.py", "event"): "templates read `event.…`",
    ("engine/delivery/drafting.py", "email"): "templates read `user.email`, a column of users",
}
"""Module -> the word that it compares with, and why that is no kind's name there."""


def program() -> Iterator[tuple[str, ast.Module]]:
    for top in ("engine", "adapters"):
        for path in sorted((ROOT / top).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if "/migrations/" not in place:
                yield place, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def kinds_of(folder: str) -> set[str]:
    shared = FOLDERS[folder]
    package = folder.replace("/", ".")
    return {f"{package}.{file.stem}" for file in (ROOT / folder).glob("*.py") if file.stem not in {"__init__", *shared}}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_kind_is_imported_by_its_folder_alone(folder: str) -> None:
    kinds = kinds_of(folder)
    assert kinds
    found = {
        (place, name)
        for place, tree in program()
        for name in imports(tree)
        if name in kinds and not place.startswith(f"{folder}/")
    }
    assert found - MAY_IMPORT.keys() == set()


def test_a_provider_is_imported_by_its_own_files_and_the_registry_alone() -> None:
    port = {
        "adapters.base",
        "adapters.clock",
        "adapters.domains",
        "adapters.filed",
        "adapters.http",
        "adapters.kinds",
        "adapters.reasons",
        "adapters.registry",
    }
    for place, tree in program():
        taken = {name for name in imports(tree) if name.startswith("adapters.")}
        taken = {name for name in taken if not any(name == one or name.startswith(f"{one}.") for one in port)}
        if place == "adapters/registry.py":
            continue
        own = place.removeprefix("adapters/").removesuffix(".py").split("/")[0]
        assert {name for name in taken if not name.startswith(f"adapters.{own}")} == set(), place


WORDS = (
    ("engine/channels/", [kind.name for kind in SHIPPED.channels]),
    ("adapters/", [kind.name for kind in SHIPPED.adapters]),
    ("engine/delivery/gates/", [kind.name for kind in SHIPPED.gates]),
    ("engine/playbooks/steps/", [kind.key for kind in SHIPPED.steps]),
    ("engine/playbooks/triggers/", [kind.key for kind in SHIPPED.triggers]),
    ("engine/facts/sources/", [kind.name for kind in SHIPPED.fact_sources]),
)
"""Where kinds stand, and their words."""


def compared(tree: ast.Module) -> Iterator[str]:
    """Yield the texts with which something is compared: by ``==``, ``!=``, ``in`` or ``case``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                parts = side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]
                yield from (one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str))
        elif isinstance(node, ast.MatchValue):
            yield from (
                one.value for one in [node.value] if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


def test_no_name_is_compared_with_a_kinds_word() -> None:
    found = {
        (place, word)
        for place, tree in program()
        for word in compared(tree)
        if any(word in words and not place.startswith(own) for own, words in WORDS)
    }
    assert found - MAY_COMPARE.keys() == set()
    assert MAY_COMPARE.keys() <= found, "what is not compared any more needs no leave"


def test_the_look_finds_what_it_looks_for() -> None:
    planted = ast.parse('if channel == "email" or kind in ("send", x): pass\nmatch trigger:\n    case "event": pass')
    assert set(compared(planted)) == {"email", "send", "event"}
