"""``habitue migrate``: updates the tables, and the columns that depend on the files."""

import typer

from engine.app import App
from engine.cli.context import AsJson, console, open_app, print_json
from engine.store.state_table import Drift


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue migrate")(migrate)


def migrate(context: typer.Context, as_json: AsJson = False) -> None:
    """Update the database to this version, and its columns to the declared facts and dimensions.

    A column that is no longer declared is renamed and kept, so no data is lost. With `content.apply = "manual"` the columns
    are those of the applied version, and `habitue apply` adds what the files need.
    """
    with open_app(context) as app:
        done = _migrate(app)
    added = [column.name for column in done.missing]
    retyped = [one.column.name for one in done.retyped]
    retired = list(done.superfluous)
    if as_json:
        print_json({"added": added, "retyped": retyped, "retired": retired})
        return
    for what, names in (("added", added), ("recreated, old content kept", retyped), ("retired, content kept", retired)):
        if names:
            console().print(f"{what}: {', '.join(names)}")
    if not done:
        console().print("The database is up to date.")


def _migrate(app: App) -> Drift:
    if app.settings.content.apply == "auto":
        return app.migrate(app.content())
    app.migrate(None)  # first, because it creates the table that the applied version is read from
    applied = app.last_good()
    return app.migrate(applied) if applied else Drift()
