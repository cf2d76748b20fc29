"""Runs the ``console`` blocks of a page as a reader would: one after the other, in one folder.

A line that begins with ``$ `` is a command, the lines up to the next one are what it prints. Amounts may differ from
what the page shows (they depend on the day and on the machine's libraries), words may not: a number stands for any
number, and ``…`` for anything, alone in a line for any number of lines. ``# exits with 1`` after a command says so.
"""

import os
import re
import shlex
from dataclasses import dataclass

from typer.testing import CliRunner

from engine.cli.program import program

WIDTH = "100"
_EXIT = re.compile(r"\s+# exits with (\d)$")
_NUMBER = re.compile(r"\d[\d,.:]*(?<![,.:])")
_GAP = re.compile(r"[\s─━═]+")


@dataclass(frozen=True)
class Said:
    """One command of a page and what the page says it prints."""

    words: tuple[str, ...]
    code: int
    lines: tuple[str, ...]


def commands(block: str) -> list[Said]:
    """Return the commands of a block.

    Raises:
        ValueError: the block begins with something else.
    """
    found: list[Said] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            code = _EXIT.search(line)
            found.append(Said(tuple(shlex.split(_EXIT.sub("", line)[2:])), int(code[1]) if code else 0, ()))
        elif found:
            found[-1] = Said(found[-1].words, found[-1].code, (*found[-1].lines, line))
        else:
            raise ValueError(f"a console block begins with a command, not with: {line}")
    return found


def run(said: Said) -> str | None:
    """Run one command in the working directory; return what differs from the page, None where nothing does."""
    if said.words[0] == "cd":
        os.chdir(said.words[1])
        return None
    if said.words[0] != "habitue":
        return f"only `habitue` and `cd` are known here, not `{said.words[0]}`"
    environment = {"COLUMNS": WIDTH, "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner().invoke(program, said.words[1:], env=environment, prog_name="habitue")
    if result.exit_code != said.code:
        return f"exits with {result.exit_code}, not {said.code}: {result.exception!r}\n{result.output}"
    if not said.lines or matches(said.lines, result.stdout):
        return None
    return f"prints something else than the page says:\n{result.stdout}"


def matches(lines: tuple[str, ...], output: str) -> bool:
    """Tell whether the page's lines fit what was printed."""
    pattern = "".join(_pattern(line) for line in lines if line.strip())
    printed = "".join(f"{_plain(line)}\n" for line in output.splitlines() if line.strip())
    return re.fullmatch(pattern, printed) is not None


def _pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:[^\n]*\n)*?"
    return ".*?".join(re.escape(part.strip()) for part in _plain(line).split("…")) + r"\n"


def _plain(line: str) -> str:
    """Return a line without what may differ: amounts, the widths of columns, the drawing of tables."""
    return _GAP.sub(" ", _NUMBER.sub("0", line)).strip()
