"""``habitue log --message ACTION``: one message, as it was sent."""

from dataclasses import replace

import typer
from rich.markup import escape

from engine.app import App
from engine.channels.base import by_name, masked
from engine.cli.as_json import as_json as to_json
from engine.cli.context import console, open_app, print_json
from engine.clock import iso
from engine.explain.sent import SentMessage, SentMessages


def show_message(context: typer.Context, action: int, *, as_json: bool, show_addresses: bool) -> None:
    """Show the message of one action; its address is masked unless ``show_addresses``.

    Raises:
        InputError: there is no message to show; the error says why.
    """
    with open_app(context) as app:
        with app.database.read() as connection:
            sent = SentMessages(app.settings, app.kinds).of(connection, action)
        if not show_addresses:
            sent = _masked(app, sent)
    if as_json:
        print_json(to_json(sent))
        return
    out = console()
    how = f"action {sent.action}, {sent.channel} to {sent.user} <{sent.address}>, {iso(sent.at)}"
    out.print(f"[dim]{escape(how)}, {escape(sent.template)} in {sent.locale}[/]", highlight=False, soft_wrap=True)
    if sent.subject:
        out.print(f"[bold]{escape(sent.subject)}[/]", highlight=False, soft_wrap=True)
    out.print()
    typer.echo(sent.text.strip())


def _masked(app: App, sent: SentMessage) -> SentMessage:
    channel = by_name(app.kinds.channels).get(sent.channel)
    mask = channel.masked if channel else masked
    user = masked(sent.user) if "@" in sent.user else sent.user
    return replace(sent, address=mask(sent.address), user=user)
