"""``habitue versions``: the versions of the files that have run."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from engine.changes.files import FileChange
from engine.cli.as_json import as_json as to_json
from engine.cli.context import AsJson, console, open_app, print_json
from engine.clock import iso
from engine.explain.versions import PastVersion, read_versions

_SHOWN = 12
"""How many files of one version are listed."""


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue versions --limit 3")(versions)


def versions(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many versions to show.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the versions of the files that have run, newest first, and which files each of them changed."""
    with open_app(context) as app, app.database.read() as connection:
        found = read_versions(connection, limit)
    if as_json:
        print_json([to_json(one) for one in found])
        return
    for one in found:
        _show(console(), one)
    if not found:
        console().print("No version has been applied yet.")


def _show(out: Console, one: PastVersion) -> None:
    who = f" by {escape(one.who)}" if one.who else ""
    first = f", first {iso(one.first_applied_at)}" if one.first_applied_at != one.applied_at else ""
    running = "  [green]running[/]" if one.running else ""
    out.print(f"[bold]{one.version}[/]{running}  applied {iso(one.applied_at)}{who}{first}", soft_wrap=True)
    if one.before is None:
        out.print(f"  the first version: {len(one.files)} files", highlight=False)
    else:
        show_files(out, one.files)


def show_files(out: Console, files: Iterable[FileChange]) -> None:
    """Print the changed files, one on a line, up to a limit."""
    listed = tuple(files)
    for one in listed[:_SHOWN]:
        out.print(f"  {one.what:<8}{escape(one.path)}", highlight=False, soft_wrap=True)
    if len(listed) > _SHOWN:
        out.print(f"  … and {len(listed) - _SHOWN} more files")
