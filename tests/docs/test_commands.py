"""docs/commands.md matches the program's help, and commands mentioned on other pages exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import commands_page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTION = re.compile(r"^--?[a-z][a-z-]*$")
QUOTED = re.compile(r"`(habitue [^`\n]+)`")
TYPED = re.compile(r"^(?:    |\$ |HABITUE_\S+ )?(?:HABITUE_\S+ )?(habitue .+?)(?:\s{2,}#.*| # .*)?$", re.MULTILINE)


def test_the_page_is_what_the_program_says() -> None:
    written = commands_page.PAGE.read_text(encoding="utf-8")
    assert written == commands_page.render(), "run .venv/bin/python -m tests.docs.commands_page"


def test_no_command_or_option_is_left_out() -> None:
    page = commands_page.PAGE.read_text(encoding="utf-8")
    for name, command in commands_page.commands().items():
        assert f"## `habitue {name}`" in page
        section = page.split(f"## `habitue {name}`\n")[1].split("\n## ")[0]
        for parameter in command.params:
            for word in commands_page.words(parameter):
                assert f"`{word.upper() if parameter.param_type_name == 'argument' else word}" in section


def named(text: str) -> Iterator[list[str]]:
    """Yield the words of every `habitue …` in a page, quoted or in a line of its own."""
    for found in (*QUOTED.findall(text), *TYPED.findall(text)):
        for part in re.split(r"&&|\|", found):
            try:
                words = shlex.split(part)
            except ValueError:
                continue  # prose with an apostrophe
            if len(words) > 1 and words[0] == "habitue" and re.fullmatch(r"[a-z][a-z-]*", words[1]):
                yield words[1:]


def unknown(words: list[str]) -> str | None:
    """Return what there is not in a command as it was written, None where all is there."""
    known = commands_page.commands()
    name = next((" ".join(words[:size]) for size in (2, 1) if " ".join(words[:size]) in known), None)
    if name is None:
        # A family alone may be spoken of: `habitue import`.
        return None if len(words) == 1 and words[0] in {one.split()[0] for one in known} else words[0]
    options = {"--help"} | {word for parameter in known[name].params for word in commands_page.words(parameter)}
    return next((word for word in words if OPTION.match(word) and word not in options), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_names_exist(page: Path) -> None:
    found = list(named(page.read_text(encoding="utf-8")))
    assert [(words, what) for words in found if (what := unknown(words))] == []


def test_the_readme_names_commands() -> None:
    found = {words[0] for words in named((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {"init", "check", "import", "migrate", "tick", "run", "explain", "log"} <= found


@pytest.mark.parametrize("text", ["`habitue lgo`", "    habitue tick --att now", "$ habitue import people x.csv"])
def test_what_does_not_exist_is_noticed(text: str) -> None:
    assert [unknown(words) for words in named(text)] not in ([], [None])
