"""The program: registers the commands and reports errors."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from engine import __version__
from engine.cli import (
    admin,
    alerts,
    apply,
    cancel,
    check,
    coupons,
    demo,
    explain,
    imports,
    inbox,
    init,
    log,
    migrate,
    pause,
    preview,
    receipts,
    release,
    report,
    resolve,
    run,
    status,
    suppress,
    task,
    tick,
    undo,
    versions,
)
from engine.cli.context import USAGE, Options, notes
from engine.errors import ContentError, HabitueError
from engine.kinds import Kinds, installed_kinds

program = typer.Typer(
    name="habitue",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Lifecycle marketing as code: every customer in the right tier and stage, with the right playbooks.",
    epilog="Example: habitue check && habitue migrate && habitue tick && habitue status",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"habitue {__version__}")
        raise typer.Exit


@program.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="The settings file.", envvar="HABITUE_CONFIG")] = Path("config.toml"),
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    context.obj = Options(config, context.obj or installed_kinds())


for family in (
    init,
    check,
    migrate,
    apply,
    versions,
    imports,
    tick,
    run,
    receipts,
    status,
    explain,
    preview,
    log,
    report,
    demo,
    coupons,
    inbox,
    task,
    pause,
    cancel,
    undo,
    release,
    resolve,
    suppress,
    alerts,
    admin,
):
    family.register(program)


def main(kinds: Kinds | None = None) -> None:
    """Run a command. User and environment errors print one sentence and exit with 2, without a traceback.

    If ``kinds`` is None, the installed ones are used.
    """
    try:
        program(prog_name="habitue", obj=kinds)
    except ContentError as error:
        for finding in error.findings:
            notes().print(escape(str(finding)), highlight=False, soft_wrap=True)
        notes().print(f"[red]{len(error.findings)} errors[/]: nothing was changed; `habitue check` shows them again")
        sys.exit(USAGE)
    except HabitueError as error:
        notes().print(f"[red]habitue:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(USAGE)
