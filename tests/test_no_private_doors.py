"""Tests use the program through its public names, and never change it: a fault comes in as a gate, a channel or a store.

A test that imports a private name, or replaces a function of the program, breaks when the code is rearranged although
nothing that users see has changed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROGRAM = ("engine", "adapters")
OF_NAMED_TUPLES = {"_fields", "_replace", "_asdict"}
"""Public in spite of their names."""
ALLOWED = {
    "tests/content/test_odd_files.py: changes folder_reading": "files that vanish while they are read",
    "tests/migration/make_stores.py: changes engine.delivery.outcomes._JITTER": "runs under the program of an old commit",
}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in OF_NAMED_TUPLES


def _is_of_program(module: str | None) -> bool:
    return bool(module) and str(module).split(".")[0] in PROGRAM


def _imported(tree: ast.AST) -> set[str]:
    """Return the names that a module has from the program."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_of_program(node.module):
            found |= {name.asname or name.name for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {(name.asname or name.name).split(".")[0] for name in node.names if _is_of_program(name.name)}
    return found


def private_doors(source: str) -> Iterator[str]:
    """Yield each use of the program's private names, and each change of the program."""
    tree = ast.parse(source)
    ours = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_of_program(node.module):
            yield from (f"imports {node.module}.{name.name}" for name in node.names if _is_private(name.name))
        elif isinstance(node, ast.Attribute) and _is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                yield f"uses {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and node.args and _changes(node.func):
            yield from _changed(node.args[0], ours)


def _changes(called: ast.expr) -> bool:
    """Tell whether a call is one of ``setattr``, ``patch``, ``patch.object``."""
    words = ast.unparse(called).split(".")
    return words[-1] in {"setattr", "patch"} or words[-2:] == ["patch", "object"]


def _changed(target: ast.expr, ours: set[str]) -> Iterator[str]:
    if isinstance(target, ast.Constant) and isinstance(target.value, str) and _is_of_program(target.value):
        yield f"changes {target.value}"
    elif ast.unparse(target).split(".")[0] in ours:
        yield f"changes {ast.unparse(target)}"


def test_no_test_uses_a_private_door() -> None:
    found = {
        f"{path.relative_to(TESTS.parent).as_posix()}: {door}"
        for path in TESTS.rglob("*.py")
        for door in private_doors(path.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "from engine.delivery.journal import _FIRST_WAIT",
        "def test(loader): loader._message('email')",
        "from engine.delivery.load import Loader\nmonkeypatch.setattr(Loader, 'load', None)",
        "from engine.delivery import load\nmonkeypatch.setattr(load.Loader, 'load', None)",
        "import engine.pipeline\nsetattr(engine.pipeline, 'Progress', None)",
        "with pytest.MonkeyPatch.context() as patch: patch.setattr('engine.pipeline.Progress', None)",
        "mock.patch('adapters.smtp.SmtpAdapter')",
        "from engine.app import App\nmock.patch.object(App, 'tick')",
    ],
)
def test_the_scan_sees_them(source: str) -> None:
    assert len(list(private_doors(source))) == 1


def test_the_scan_lets_others_be() -> None:
    fine = (
        "import sys\nfrom engine.app import App\nmonkeypatch.setattr(sys, 'argv', [])\nself._app = App\nrow._asdict()"
    )
    assert list(private_doors(fine)) == []
