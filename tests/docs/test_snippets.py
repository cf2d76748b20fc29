"""The examples on the pages run: console sessions as a reader would type them, Python code unchanged."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from sybil import Document, Example, Region
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from tests.docs import console

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _examples(page: Path) -> list[Example]:
    parsers: list[Callable[[Document], Iterable[Region]]] = [
        CodeBlockParser(language="console", evaluator=_typed),
        PythonCodeBlockParser(),
    ]
    return list(Document.parse(str(page), *parsers, encoding="utf-8").examples())


def _typed(example: Example) -> str | None:
    for said in console.commands(example.parsed):
        if (different := console.run(said)) is not None:
            return f"{' '.join(said.words)}\n{different}"
    return None


RUNNABLE = [page for page in PAGES if "```console" in page.read_text("utf-8") or "```python" in page.read_text("utf-8")]


def test_the_readme_is_among_them() -> None:
    assert ROOT / "README.md" in RUNNABLE


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_what_the_page_shows_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("HABITUE_")]:
        monkeypatch.delenv(variable)
    examples = _examples(page)
    assert examples
    for example in examples:
        example.evaluate()


def test_every_console_and_python_block_is_run() -> None:
    for page in RUNNABLE:
        text = page.read_text(encoding="utf-8")
        assert len(_examples(page)) == text.count("```console\n") + text.count("```python\n"), page.name


SHOWN = console.commands("$ habitue tick # exits with 1\n2 users, 3 moved\n…\ndone in …\n│ high │   12 │")[0]
PRINTED = "1,024 users, 77 moved\nfirst\nsecond\ndone in 4.2 s\n│ high │ 3 │\n"


def test_a_block_is_read_as_commands_with_their_output() -> None:
    assert SHOWN.words == ("habitue", "tick")
    assert SHOWN.code == 1
    assert console.matches(SHOWN.lines, PRINTED)


@pytest.mark.parametrize(
    "changed",
    [
        PRINTED.replace("users", "customers"),
        PRINTED.replace("done", "gone"),
        PRINTED.replace("high", "mid"),
        PRINTED + "and more\n",
        PRINTED.replace("first\nsecond\n", "").replace("done in 4.2 s\n", ""),
        "",
    ],
)
def test_other_output_is_noticed(changed: str) -> None:
    assert not console.matches(SHOWN.lines, changed)


def test_a_failing_command_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("habitue check", "habitue nonsense", "ls"):
        assert console.run(console.commands(f"$ {command}")[0]) is not None
    with pytest.raises(ValueError, match="begins with a command"):
        console.commands("no command")
