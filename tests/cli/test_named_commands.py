"""Whatever command a sentence tells people to type exists, with the options that it names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from tests.docs.commands_page import commands, words

_TYPED = re.compile(r"`habitue ([a-z][^`]*)`")
_ROOT = Path(engine.__file__).parent


def named_commands() -> Iterator[tuple[str, str]]:
    """Yield the commands that the program's texts name, each with its place; values that are filled in are `X`."""
    for file in sorted(_ROOT.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            for command in _TYPED.findall(_text(node)):
                yield f"{file.relative_to(_ROOT.parent)}:{getattr(node, 'lineno', 0)}", command


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return ""


def mistakes_in(line: str) -> list[str]:
    """Return what of a command line does not exist."""
    existing = commands()
    families = {" ".join(name.split()[:length]) for name in existing for length in range(1, len(name.split()))}
    named: list[str] = []
    rest = [word.partition("|")[0] for word in line.split()]
    while rest and not rest[0].startswith("-") and " ".join([*named, rest[0]]) in {*existing, *families}:
        named.append(rest.pop(0))
    name = " ".join(named)
    if name not in existing:
        return [f"no command `{' '.join(line.split()[: len(named) + 1])}`"] if rest or not named else []
    known = {word for parameter in existing[name].params for word in words(parameter)} | {"--help"}
    return [f"no option `{word}`" for word in rest if re.fullmatch(r"--[a-z-]+", word) and word not in known]


def test_commands_that_are_named_exist() -> None:
    found = list(named_commands())
    assert len(found) > 50
    wrong = {f"{place}: habitue {command}": bad for place, command in found if (bad := mistakes_in(command))}
    assert not wrong


@pytest.mark.parametrize(
    ("line", "mistakes"),
    [
        ("status --json", []),
        ("admin clock --set-back", []),
        ("statsu", ["no command `statsu`"]),
        ("admin colck", ["no command `admin colck`"]),
        ("resolve sent 17", []),
        ("log --raeson x", ["no option `--raeson`"]),
    ],
)
def test_what_does_not_exist_is_found(line: str, mistakes: list[str]) -> None:
    assert mistakes_in(line) == mistakes
