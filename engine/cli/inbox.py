"""``habitue inbox``: the messages that the brand's own app shows to a customer."""

from typing import Annotated

import typer
from rich.markup import escape

from engine.cli.as_json import as_json as to_json
from engine.cli.context import AsJson, console, open_app, print_json
from engine.cli.tables import WordTable
from engine.clock import iso
from engine.inbox.messages import InboxMessage, dismiss, mark_read, messages_of

Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The message's number in the list.")]


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(
        no_args_is_help=True, help="The messages in a customer's inbox, which the brand's own app shows."
    )
    family.command("list", epilog="Example: habitue inbox list c-10042 --json")(show)
    family.command(epilog="Example: habitue inbox read 17")(read)
    family.command("dismiss", epilog="Example: habitue inbox dismiss 17")(remove)
    program.add_typer(family, name="inbox")


def show(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The customer's key.")],
    every: Annotated[bool, typer.Option("--all", help="Expired and dismissed messages, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the messages that the app shows to a customer now, the newest first."""
    with open_app(context) as app, app.database.read() as connection:
        found = messages_of(connection, user, app.present(), everything=every)
    if as_json:
        print_json([to_json(one) for one in found])
        return
    table = WordTable("id", "since", "title", "until", "state", numbers=("id",))
    for one in found:
        table.add_row(str(one.id), iso(one.created_at), escape(one.title), iso(one.expires_at), _state(one))
    console().print(table if found else f"No messages for {escape(user)}.")


def read(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Note that the customer has opened a message; the log shows its action as `opened`."""
    with open_app(context) as app:
        now = app.present()
        done = app.database.in_transaction(lambda connection: mark_read(connection, number, now))
    _tell(done, as_json=as_json)


def remove(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Note that the customer has removed a message: the app shows it no more."""
    with open_app(context) as app:
        now = app.present()
        done = app.database.in_transaction(lambda connection: dismiss(connection, number, now))
    _tell(done, as_json=as_json)


def _tell(done: InboxMessage, *, as_json: bool) -> None:
    if as_json:
        print_json(to_json(done))
    else:
        console().print(f"{done.id}: {_state(done)}", highlight=False)


def _state(one: InboxMessage) -> str:
    if one.dismissed_at is not None:
        return f"dismissed {iso(one.dismissed_at)}"
    return f"read {iso(one.read_at)}" if one.read_at is not None else "new"
