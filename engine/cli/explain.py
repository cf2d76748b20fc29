"""``habitue explain USER``: what is known about one user, and why."""

from typing import Annotated

import typer

from engine.app import App
from engine.cli.as_json import as_json as to_json
from engine.cli.context import AsJson, console, open_app, parse_instant, print_json
from engine.cli.explain_tables import show
from engine.errors import SchemaDrift
from engine.explain.explaining import Explainer
from engine.loading import Content
from engine.store.state_table import drift


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue explain C0000027")(explain)


def explain(
    context: typer.Context,
    *,
    user: Annotated[str, typer.Argument(help="The user: the brand's own ID, an address or a phone number.")],
    at: Annotated[str | None, typer.Option(help="Decide as of this instant, ISO 8601 (default: now).")] = None,
    show_addresses: Annotated[bool, typer.Option(help="Print addresses in full.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show facts, placements and their rules, history, enrolments, actions, and why the user is in a playbook or not.

    Facts are as of the user's last evaluation. Nothing is written.
    """
    with open_app(context, parse_instant(at) if at is not None else None) as app:
        explainer = Explainer(running_content(app), app.deciders, app.settings.brand)
        with app.database.read() as connection:
            found = explainer.explain(connection, user, app.present(), show_addresses=show_addresses)
    if as_json:
        print_json(to_json(found))
    else:
        show(console(), found)


def running_content(app: App) -> Content:
    """Return the running content, or what ticks would run if nothing ran yet or the columns do not match it any more.

    Raises:
        ContentError: the files have errors.
        NothingApplied: nothing ran yet, and only ``habitue apply`` applies files.
        SchemaDrift: the columns of ``user_state`` match neither.
    """
    running = app.last_good()
    if running is not None and not _drift(app, running):
        return running
    content = app.read().content
    if _drift(app, content):
        raise SchemaDrift("the files and the columns of user_state differ: run `habitue migrate`")
    return content


def _drift(app: App, content: Content) -> bool:
    with app.database.read() as connection:
        return bool(drift(connection, app.database.dialect, content.columns()))
