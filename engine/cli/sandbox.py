"""``habitue admin sandbox``: shows, sets or removes the mark of a store for trying things out."""

from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy import Connection

from engine.app import App
from engine.cli.by_hand import DryRun, Why, hand
from engine.cli.context import AsJson, Who, console, open_app, print_json
from engine.control.interventions import Hand
from engine.control.sandbox import can_mark, is_sandbox, mark, unmark


class Wanted(StrEnum):
    """Whether the store is to be a sandbox."""

    ON = "on"
    OFF = "off"


def register(family: typer.Typer) -> None:
    """Add the command to ``habitue admin``."""
    family.command(epilog='Example: habitue admin sandbox on --reason "to see the spring campaign"')(sandbox)


def sandbox(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    wanted: Annotated[Wanted | None, typer.Argument(help="Set or remove the mark (default: show it).")] = None,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Mark a store for trying things out: in it, `habitue tick --at` may run far ahead of the real time.

    Only a store in which nobody has been evaluated, and from which nothing was sent, can be marked.
    """
    with open_app(context) as app:
        if wanted is None:
            with app.database.read() as connection:
                on, changed = is_sandbox(connection), False
        else:
            on, changed = wanted is Wanted.ON, _set(app, wanted, hand(who, why), dry_run=dry_run)
    if as_json:
        print_json({"sandbox": on, "changed": changed, "dry_run": dry_run})
    else:
        console().print(_line(wanted, on=on, changed=changed, dry_run=dry_run), highlight=False, soft_wrap=True)


def _set(app: App, wanted: Wanted, by: Hand, *, dry_run: bool) -> bool:
    """Set or remove the mark; return whether that changes anything."""
    adapters, now = app.kinds.adapters, app.clock.now()
    if dry_run:
        with app.database.read() as connection:
            return can_mark(connection, adapters) if wanted is Wanted.ON else is_sandbox(connection)

    def work(connection: Connection) -> bool:
        return mark(connection, adapters, by, now) if wanted is Wanted.ON else unmark(connection, by, now)

    return app.database.in_transaction(work)


def _line(wanted: Wanted | None, *, on: bool, changed: bool, dry_run: bool) -> str:
    kind = "a sandbox" if on else "no sandbox"
    if wanted is None:
        return f"This store is {kind}."
    if not changed:
        return f"This store is {kind} already." if on else "This store is no sandbox anyway."
    return f"This store would become {kind}." if dry_run else f"This store is {kind} now."
