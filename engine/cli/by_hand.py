"""What the commands share with which a person intervenes: who does it and why, and doing it for the record."""

from typing import Annotated

import typer

from engine.app import App
from engine.cli.context import person
from engine.control.interventions import Hand
from engine.control.subjects import known_names
from engine.store.paused import Subject, SubjectScope

Why = Annotated[str | None, typer.Option("--reason", help="Why, for the record; name no customer.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
SubjectName = Annotated[str | None, typer.Argument(help="Its name; `everything` has none.", show_default=False)]


def hand(who: str | None, why: str | None) -> Hand:
    """Return who does it and why, as it is recorded."""
    return Hand(person(who), why.strip() or None if why is not None else None)


def subject_of(app: App, scope: SubjectScope, name: str | None) -> Subject:
    """Return what the command line names.

    Raises:
        InputError: there is nothing of that name.
    """
    with app.database.read() as connection:
        return known_names(connection, app.settings, app.kinds).subject(scope, name)
