"""Writes docs/commands.md from the program's own help: ``python -m tests.docs.commands_page``."""

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer.main

from engine.cli.program import program

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"

HEAD = """\
# Commands

All commands on one page, with the texts of `habitue COMMAND --help`. After changing a command, run
`.venv/bin/python -m tests.docs.commands_page` to rewrite this page.

Every command reads `config.toml` in the working directory; use `habitue --config FILE COMMAND` or `HABITUE_CONFIG` for
another file: see [settings](settings.md). Reports are tables, or JSON with `--json`. Results go to standard output,
progress and notes to standard error.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | it worked, but something needs attention: findings, rejected rows, problems that a person has to solve |
| 2 | it could not be done; a message says why |
"""


def commands() -> dict[str, Any]:
    """Return every command by its whole name, families included: ``import users``."""
    return dict(_walk("", typer.main.get_command(program)))


def _walk(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - Typer's own classes
    children: Mapping[str, Any] = getattr(command, "commands", {})
    if prefix and (not children or command.params):
        yield prefix, command
    for name, child in children.items():
        yield from _walk(f"{prefix} {name}".strip(), child)


def words(parameter: Any) -> list[str]:  # noqa: ANN401
    """Return what a person may write for an option: ``--deliver``, ``--no-deliver``."""
    return [*parameter.opts, *parameter.secondary_opts]


def render() -> str:
    """Return the whole page."""
    return HEAD + "".join(f"\n{section}" for section in (_section(*named) for named in commands().items()))


def _section(name: str, command: Any) -> str:  # noqa: ANN401
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    usage = " ".join(["habitue", name, *(one.name.upper() for one in arguments), "[OPTIONS]" if options else ""])
    lines = [f"## `habitue {name}`", "", *_paragraphs(command.help), f"    {usage.rstrip()}", ""]
    if rows := [_row(one) for one in (*arguments, *options)]:
        lines += ["| argument or option | default | meaning |", "|---|---|---|", *rows, ""]
    if command.epilog:
        lines += [f"{command.epilog.split(': ', 1)[0]}: `{command.epilog.split(': ', 1)[1]}`", ""]
    return "\n".join(lines)


def _paragraphs(text: str | None) -> list[str]:
    return [part for paragraph in (text or "").split("\n\n") for part in (" ".join(paragraph.split()), "") if paragraph]


def _row(parameter: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        return f"| `{parameter.name.upper()}` | | {_meaning(parameter)} |"
    value = f" {parameter.metavar}" if parameter.metavar else ""
    written = ", ".join(f"`{word}{value}`" for word in words(parameter))
    return f"| {written} | {_default(parameter)} | {_meaning(parameter)} |".replace("|  |", "| |")


def _meaning(parameter: Any) -> str:  # noqa: ANN401
    bounds = [f"{bound:,}" for bound in (parameter.min, parameter.max) if bound is not None]
    between = {2: " {} to {}.", 1: " At least {}."}.get(len(bounds), "").format(*bounds)
    choices = f" One of {', '.join(found)}." if (found := _choices(parameter)) else ""
    return f"{parameter.help}{choices}{between}{' Needed.' if _needed(parameter) else ''}".replace("|", "\\|")


def _choices(parameter: Any) -> list[str]:  # noqa: ANN401
    kind = parameter.type_descriptor.annotation
    kinds = [one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, Enum)]
    return [f"`{member.value}`" for one in kinds for member in one]


def _needed(parameter: Any) -> bool:  # noqa: ANN401
    return bool(parameter.required) and parameter.param_type_name == "option"


def _default(parameter: Any) -> str:  # noqa: ANN401
    default = parameter.default
    if default is None or default is False or default in ((), []):
        return ""
    if default is True:
        return f"`{parameter.opts[0]}`"
    return f"`{default.value if isinstance(default, Enum) else default}`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
