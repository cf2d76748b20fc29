"""``habitue admin``: maintaining an installation."""

import typer

from engine.cli import clock, quarantine, sandbox


def register(program: typer.Typer) -> None:
    """Add the family with its commands."""
    family = typer.Typer(help="Maintain an installation.", no_args_is_help=True)
    for one in (quarantine, sandbox, clock):
        one.register(family)
    program.add_typer(family, name="admin")
