"""``habitue receipts``: what providers reported, from files."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from adapters.base import CallbackError
from engine.app import App
from engine.cli.context import FINDINGS, AsJson, console, open_app, parse_instant, print_json
from engine.cli.imports import progress_bar, source_of
from engine.delivery.recorded_calls import ReceiptCounts, RecordedCall, callback_of, receive_recorded
from engine.errors import InputError, NoReceipts
from engine.explain.checks.base import several
from engine.intake.files.source import open_source

LARGEST_BODY = 1_000_000
"""Octets of a single body, as over HTTP."""

File = Annotated[
    Path,
    typer.Argument(
        help="Recorded calls, one JSON object per line, plain or gzip; - for standard input.", show_default=False
    ),
]
AdapterName = Annotated[
    str | None, typer.Option("--adapter", help="FILE is the body of one call from this adapter's provider.")
]
Headers = Annotated[
    list[str] | None, typer.Option("--header", metavar="NAME:VALUE", help="A header of that call; can be repeated.")
]
Url = Annotated[str, typer.Option("--url", help="The URL that was called, if signatures are over it.")]
At = Annotated[str | None, typer.Option("--at", help="When that call arrived (default: now).")]


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue receipts calls.jsonl --json")(receipts)


def receipts(
    context: typer.Context,
    file: File,
    *,
    adapter: AdapterName = None,
    headers: Headers = None,
    url: Url = "",
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Store what providers reported, from recorded calls; each is verified as if it came over HTTP. Exits with 1 if any was refused.

    A line is `{"adapter": "twilio", "headers": {…}, "url": "…", "body": "…", "at": 1795165200000}`. `body` is text, or
    `body_base64` is there instead; `at` is when the call arrived, in milliseconds or ISO 8601, and may be left out, as `headers` and `url`.
    The same file can be given again: what is known already changes nothing.
    """
    with open_app(context) as app:
        if adapter is None:
            if headers or url or at:
                raise InputError("--header, --url and --at are about one call: name its adapter with --adapter")
            counts = _from_lines(app, file)
        else:
            arrived = app.clock.now() if at is None else parse_instant(at)
            callback = callback_of(_headers(headers or ()), _body(file), url, arrived)
            counts = _from_body(app, RecordedCall(adapter, callback))
    if as_json:
        print_json(_as_json(counts))
    else:
        _show(console(), counts)
    if counts.refused:
        raise typer.Exit(FINDINGS)


def _from_lines(app: App, file: Path) -> ReceiptCounts:
    source = source_of(file, "jsonl")
    with progress_bar(source) as progress, open_source(source) as opened:
        return receive_recorded(
            opened.stream,
            app.clock.now(),
            lambda call: app.read_receipts(call.adapter, call.callback),
            app.store_receipts,
            lambda: progress(opened.raw.tell(), opened.size),
        )


def _from_body(app: App, call: RecordedCall) -> ReceiptCounts:
    counts = ReceiptCounts()
    try:
        counts.store(1, app.store_receipts([app.read_receipts(call.adapter, call.callback)]))
    except (CallbackError, NoReceipts) as error:
        counts.refuse(1, str(error))
    return counts


def _headers(headers: Sequence[str]) -> dict[str, str]:
    """Return headers by name.

    Raises:
        InputError: one has no name; the error does not quote it, because it may be a secret.
    """
    split = [header.partition(":") for header in headers]
    wrong = next((number for number, (name, colon, _) in enumerate(split, 1) if not colon or not name.strip()), None)
    if wrong is not None:
        raise InputError(f"the {_th(wrong)} --header is not one: write it as `X-Twilio-Signature: VALUE`")
    return {name.strip(): value.strip() for name, _, value in split}


def _body(file: Path) -> bytes:
    """Return the body of a call.

    Raises:
        InputError: the file cannot be read, or is too long.
    """
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as stream:
            body = stream.read(LARGEST_BODY + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if len(body) > LARGEST_BODY:
        raise InputError(f"{file} has more than {LARGEST_BODY:,} bytes, which is too long for the body of one call")
    return body


def _th(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _as_json(counts: ReceiptCounts) -> dict[str, object]:
    return {
        "calls": counts.calls,
        "new": counts.new,
        "known": counts.known,
        "unmatched": counts.unmatched,
        "texts": counts.texts,
        "refused": counts.refused,
        "reasons": dict(counts.reasons.most_common()),
        "first_refused": [{"line": one.line, "why": one.why} for one in counts.first_refused],
    }


def _show(out: Console, counts: ReceiptCounts) -> None:
    colour = "red" if counts.refused else "green"
    out.print(
        f"{several(counts.calls, 'call')} stored, [{colour}]{counts.refused:,} refused[/]; receipts: {counts.new:,} new,"
        f" {counts.known:,} known already, {counts.unmatched:,} about no message of ours",
        highlight=False,
        soft_wrap=True,
    )
    if counts.texts:
        out.print(f"  {several(counts.texts, 'new text')} that people wrote back", highlight=False)
    for one in counts.first_refused:
        out.print(f"  line {one.line:,}: {escape(one.why)}", highlight=False, soft_wrap=True)
    if counts.refused > len(counts.first_refused):
        out.print(f"  and {counts.refused - len(counts.first_refused):,} more", highlight=False)
