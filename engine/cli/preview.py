"""``habitue preview TEMPLATE`` and ``habitue send-test TEMPLATE``: looking at a message before it is sent."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from adapters.base import Adapter, Answer, Message, Outcome
from adapters.kinds import Review
from engine.app import App
from engine.channels.base import by_name
from engine.cli.as_json import as_json as to_json
from engine.cli.context import AsJson, console, notes, open_app, print_json
from engine.clock import Instant
from engine.delivery.pending_message import PendingMessage
from engine.errors import HabitueError, InputError
from engine.explain.previewing import Preview, Previewer, PreviewRequest
from engine.messages.segments import Segments
from engine.output_file import OutputFile

HTML_FOLDER = Path("var/preview")
_MARK = "<!-- habitue preview -->\n"
"""The first line of each page, by which an earlier preview is recognised. A browser allows it before the doctype."""

_CHARACTERS = 8
"""How many of the characters that force UCS-2 are named: of a Chinese text it is all of them."""

Template = Annotated[str, typer.Argument(help="The template's name, such as winback/offer.")]
User = Annotated[str | None, typer.Option("--user", help="Use this user's values (default: a made-up customer's).")]
Locale = Annotated[str | None, typer.Option(help="Use this language, such as zh-CN (default: the user's).")]


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.command(epilog="Example: habitue preview winback/offer --locale zh-CN --open")(preview)
    program.command("send-test", epilog="Example: habitue send-test winback/offer --to you@example.com")(send_test)


def preview(
    context: typer.Context,
    *,
    template: Template,
    user: User = None,
    locale: Locale = None,
    channel: Annotated[str, typer.Option(help="The channel: email, sms, push, …")] = "email",
    html: Annotated[
        Path | None, typer.Option(help="Write the page to this file (default: var/preview/TEMPLATE.html).")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a message: subject and text here, the page in a file. Nothing is sent or stored; no coupon code is used.

    If the provider has rules of its own, such as filed templates, it says what they make of the message.
    """
    with open_app(context) as app:
        pending, previewer = _pending(app, PreviewRequest(_name(template), channel, locale), user)
        shown = previewer.preview(pending, app.reviews().get(channel))
    target = _write(shown, html) if shown.html else None
    if as_json:
        print_json({**to_json(shown), "html_file": str(target) if target else None})
    else:
        _show(shown, target)
    if open_page and target:
        typer.launch(str(target))


def send_test(
    context: typer.Context,
    *,
    template: Template,
    to: Annotated[str, typer.Option(help="The address to send to.")],
    user: User = None,
    locale: Locale = None,
    channel: Annotated[str, typer.Option(help="The channel: email, sms, push, …")] = "email",
    platform: Annotated[
        str | None, typer.Option(help="What the device runs on, where several adapters serve the channel: ios, …")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send one message through the channel's adapter, with its subject or text marked as a test.

    It skips the gates and the action log, uses no coupon code, and its unsubscribe link does not work.
    """
    with open_app(context) as app:
        pending, previewer = _pending(app, PreviewRequest(_name(template), channel, locale), user)
        shown = previewer.preview(pending)
        test = previewer.test_message(pending, to, app.clock.now(), app.reviews().get(channel))
        adapter = _adapter(app, channel, platform)
        masked = by_name(app.kinds.channels)[channel].masked(to)
        answer = asyncio.run(_send(adapter, test.message))
    if answer.outcome is not Outcome.ACCEPTED:
        raise HabitueError(_failure(adapter.name, answer))
    if as_json:
        print_json({"adapter": adapter.name, "outcome": answer.outcome.value, "reference": answer.reference})
        return
    said = f", reference {escape(answer.reference)}" if answer.reference else ""
    title = f"[test] {shown.subject}".strip() if test.marked else shown.subject or shown.text.strip()
    console().print(
        f"[green]{adapter.name} accepted it[/] for {escape(masked)}{said}: [bold]{escape(title)}[/]",
        highlight=False,
    )
    if not test.marked:
        notes().print("It is not marked as a test, because the provider sends nothing but its filed texts.")
    notes().print("It is not in the action log.")


def _adapter(app: App, channel: str, platform: str | None) -> Adapter:
    """Return the adapter of the channel, for devices of ``platform`` if there are several.

    Raises:
        InputError: there is none, or the platform is needed to choose one.
    """
    outlets = app.adapters().get(channel, ())
    if not outlets:
        raise InputError(f"no adapter is configured for {channel}: name one in [channels.{channel}] of config.toml")
    if platform is None and len(outlets) > 1:
        served = ", ".join(sorted(set().union(*(one.platforms for one in outlets))))
        raise InputError(f"several adapters serve {channel}: say with --platform what the device runs on: {served}")
    fitting = [one.adapter for one in outlets if platform is None or one.serves(platform)]
    if not fitting:
        raise InputError(f"no adapter of {channel} serves devices of the platform `{platform}`")
    return fitting[0]


def _pending(app: App, request: PreviewRequest, user: str | None) -> tuple[PendingMessage, Previewer]:
    now: Instant = app.clock.now()
    previewer = Previewer(app.content(), app.settings.brand, app.composers)
    if user is None:
        pending = previewer.sample(request, now)
    else:
        with app.database.read() as connection:
            pending = previewer.of_user(connection, request, user, now)
    return pending, previewer


def _name(template: str) -> str:
    """Return the template's name from its name or the path of its file."""
    path = template.removeprefix("templates/")
    folder, slash, file = path.rpartition("/")
    return f"{folder}{slash}{file.split('.')[0]}" if path.endswith(".j2") else path


def _write(shown: Preview, html: Path | None) -> Path:
    target = html or HTML_FOLDER / f"{shown.template.replace('/', '-')}.html"
    try:
        if html is None:
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}; choose another file with --html") from error
    output = OutputFile(target, "the page", "choose another file with --html", _is_preview if html else _is_ours)
    with output.writing("utf-8") as file:
        file.write(f"{_MARK}{shown.html}")
    return target


def _is_preview(beginning: bytes) -> bool:
    return beginning.startswith(_MARK.encode())


def _is_ours(_beginning: bytes) -> bool:
    """Tell that nobody else writes to the folder of previews."""
    return True


def _show(shown: Preview, target: Path | None) -> None:
    out = console()
    sent = f"sent by {shown.playbook}" if shown.playbook else "no playbook sends it"
    out.print(f"[dim]templates/{shown.file}, {shown.locale}, {sent}[/]", highlight=False, soft_wrap=True)
    if shown.subject:
        out.print(f"[bold]{escape(shown.subject)}[/]", highlight=False)
    out.print()
    typer.echo(shown.text.strip())
    if shown.segments:
        _show_segments(shown.segments, shown.max_segments or 0)
    if shown.review:
        out.print()
        out.print(_reviewed(shown.review), highlight=False, soft_wrap=True)
    if target:
        notes().print(f"The page is in {target}", highlight=False)


def _show_segments(found: Segments, allowed: int) -> None:
    plural = "" if found.number == 1 else "s"
    some, more = found.foreign[:_CHARACTERS], len(found.foreign) - _CHARACTERS
    named = " ".join(map(_character, some)) + (f" and {more} more" if more > 0 else "")
    why = f", because of {named}" if some else ""
    said = f"{found.encoding}{why}: {found.length} places, {found.number} segment{plural}"
    if found.number > allowed:
        notes().print(
            f"{escape(said)}, and its playbook allows {allowed}: [red]delivery would not send it[/]",
            highlight=False,
            soft_wrap=True,
        )
    else:
        notes().print(f"{escape(said)} of at most {allowed}", highlight=False, soft_wrap=True)


def _character(one: str) -> str:
    return f"{one} (U+{ord(one):04X})" if one.isprintable() else f"U+{ord(one):04X}"


def _reviewed(review: Review) -> str:
    """Return what the provider's rules say, for people."""
    if review.objection:
        return f"[red]The provider would refuse it:[/] {escape(review.objection)}"
    values = ", ".join(f"{name} = {value}" for name, value in review.parameters.items())
    said = f"sent as the provider's template {review.template}" + (f" with {values}" if values else "")
    return f"[dim]{escape(said)}[/]"


async def _send(adapter: Adapter, message: Message) -> Answer:
    async with adapter:
        return await adapter.send(message)


def _failure(adapter: str, answer: Answer) -> str:
    what = {
        Outcome.ADAPTER_DOWN: f"the adapter `{adapter}` cannot send: check adapters.{adapter} in config.toml",
        Outcome.SENDING_REFUSED: f"`{adapter}` refuses to send for us: check its account and our reputation",
        Outcome.RETRY: f"`{adapter}` does not accept it at the moment: try again later",
        Outcome.REJECTED: f"`{adapter}` refuses this message or this recipient",
        Outcome.UNKNOWN: f"the connection of `{adapter}` broke before the answer: the message may have been sent",
    }[answer.outcome]
    said = ": ".join(part for part in (answer.reason, answer.detail) if part)
    return f"{what} ({said})" if said else what
