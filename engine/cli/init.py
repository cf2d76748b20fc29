"""``habitue init``: copies a starter brand into a folder."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

import engine
from engine.cli.context import console
from engine.content.bundle import PLAYBOOKS, RULES, TEMPLATES
from engine.errors import InputError


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue init my-brand && cd my-brand && habitue check")(init)


def init(folder: Annotated[Path, typer.Argument(help="Target folder; it must not contain a brand yet.")]) -> None:
    """Copy the default brand: config.toml, rules, playbooks and templates, ready to edit."""
    names = ("config.toml", RULES, PLAYBOOKS, TEMPLATES)
    if present := [name for name in names if os.path.lexists(folder / name)]:
        raise InputError(f"{folder} already contains {', '.join(present)}: choose another folder; nothing was changed")
    source = _brand()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            copy = shutil.copytree if (source / name).is_dir() else shutil.copy2
            copy(source / name, folder / name)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    console().print(f"Created a starter brand in {folder}. Next: cd {folder} && habitue check && habitue migrate")


def _brand() -> Path:
    """Return the folder of the default brand: next to the package in a checkout, inside it once installed."""
    package = Path(engine.__file__).parent
    installed = package / "brand"
    return installed if installed.is_dir() else package.parent
