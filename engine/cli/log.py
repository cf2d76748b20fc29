"""``habitue log``: the actions taken, the actions not taken, and why."""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import typer
from rich.text import Text

from engine.actions.history import Follower, LogEntry, LogFilter, read_actions, read_changes
from engine.actions.reasons import Reasons
from engine.actions.states import State
from engine.channels.base import Channel, by_name, masked
from engine.cli.context import console, notes, open_app, parse_moment
from engine.cli.explain_tables import hand_words
from engine.cli.log_words import check_words
from engine.cli.sent_message import show_message
from engine.cli.tables import WordTable
from engine.clock import iso
from engine.errors import InputError
from engine.explain.finding import find_in_log
from engine.intake.files.rejects import safe_cell

_POLL = 1.0
"""Seconds between two reads with ``--follow``."""

_COLOURS: dict[str, str] = {
    **dict.fromkeys((State.ACCEPTED, State.DELIVERED), "green"),
    **dict.fromkeys((State.FAILED, State.UNKNOWN), "red"),
    **dict.fromkeys((State.SUPPRESSED, State.EXPIRED, State.HELD), "yellow"),
}
_COLUMNS = ("at", "user", "address", "playbook", "step", "channel", "state", "reason", "why")
"""The columns of lines; JSON and CSV have all fields, tables fewer columns, with the same in them."""

_NAMES = tuple(
    name
    for field in LogEntry._fields
    for name in ({"message_class": ("class",), "reason": ("reason", "sentence")}.get(field, (field,)))
)
"""The fields of JSON and CSV, in this order."""

Fields = dict[str, str | int | None]
Show = Callable[[Sequence[Fields]], None]


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue log --playbook winback --state suppressed --since 24h --csv")(log)


def log(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    user: Annotated[str | None, typer.Option(help="One user, by key, address or phone number.")] = None,
    playbook: Annotated[str | None, typer.Option(help="The name of one playbook.")] = None,
    channel: Annotated[str | None, typer.Option(help="For example email, sms, push.")] = None,
    state: Annotated[
        str | None, typer.Option(help="For example accepted, suppressed, unknown; see docs/actions.md.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="For example opted_out; see docs/actions.md.")] = None,
    since: Annotated[str | None, typer.Option(help="An instant (ISO 8601), or how long ago: `24h`, `7d`.")] = None,
    until: Annotated[str | None, typer.Option(help="An instant, or how long ago.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Show at most this many, newest last.")] = 50,
    history: Annotated[bool, typer.Option("--history", help="Show every change, not only the current state.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new changes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header, safe for spreadsheets.")] = False,
    show_addresses: Annotated[bool, typer.Option("--show-addresses", help="Do not mask addresses.")] = False,
    message: Annotated[
        int | None, typer.Option(help="Show the message that this action sent; takes its `number` in --json and --csv.")
    ] = None,
) -> None:
    """Show the action log: who got which message, who did not, and why. Addresses are masked."""
    if message is not None:
        if any((user, playbook, channel, state, reason, since, until, history, follow, as_csv)):
            raise InputError("--message shows one message: use it with --json or --show-addresses only")
        return show_message(context, message, as_json=as_json, show_addresses=show_addresses)
    if as_json and as_csv:
        raise InputError("use either --json or --csv, not both")
    with open_app(context) as app:
        now = app.clock.now()
        brand = app.settings.brand
        shown = _FieldPrinter(by_name(app.kinds.channels), app.kinds.reasons, show_addresses)
        read = read_changes if history or follow else read_actions
        with app.database.read() as connection:
            found = find_in_log(connection, app.kinds.channels, user, brand.country).id if user is not None else None
            check_words(connection, app.kinds, playbook=playbook, channel=channel, state=state, reason=reason)
            since_at, until_at = parse_moment(since, now, brand.timezone), parse_moment(until, now, brand.timezone)
            wanted = LogFilter(found, playbook, channel, state, reason, since_at, until_at)
            entries = read(connection, wanted, limit)
        show = _show_as("json" if as_json else "csv" if as_csv else "lines" if follow else "table")
        show([shown.fields(entry) for entry in entries])
        if not follow:
            return None
        follower = Follower(wanted, now)
        follower.skip(entries)

        def fresh() -> list[LogEntry]:
            with app.database.read() as connection:
                return follower.read(connection)

        try:
            for news in following(fresh, lambda: time.sleep(_POLL)):
                show([shown.fields(entry) for entry in news])
        except KeyboardInterrupt:
            return None


def following(fresh: Callable[[], list[LogEntry]], wait: Callable[[], None]) -> Iterator[list[LogEntry]]:
    """Yield new entries forever; call ``wait`` whenever there are none."""
    while True:
        if news := fresh():
            yield news
        else:
            wait()


@dataclass(frozen=True)
class _FieldPrinter:
    """Turns entries into printed fields: reasons with their sentences, addresses masked unless ``addresses`` is set."""

    channels: Mapping[str, Channel]
    reasons: Reasons
    addresses: bool

    def fields(self, entry: LogEntry) -> Fields:
        """Return the fields to print. A user's key that is an address is masked like one."""
        address, user = entry.address, entry.user
        if not self.addresses:
            channel = self.channels.get(entry.channel or "")
            mask = channel.masked if channel else masked
            address = mask(address) if address else None
            user = masked(user) if "@" in user else user
        fields = entry._asdict() | {
            "class": entry.message_class,
            "at": iso(entry.at),
            "address": address,
            "user": user,
            "sentence": self.reasons.sentence(entry.reason),
        }
        return {name: fields[name] for name in _NAMES}


def _show_as(form: Literal["json", "csv", "lines", "table"]) -> Show:
    """Return a printer for that form; with ``--follow`` it is called again with later entries."""
    if form == "csv":
        return _CsvPrinter()
    return {"json": _show_json, "lines": _show_lines, "table": _show_table}[form]


def _show_json(entries: Sequence[Fields]) -> None:
    for fields in entries:
        typer.echo(json.dumps(fields, ensure_ascii=False))


class _CsvPrinter:
    """Prints the header once, then rows."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(_NAMES)

    def __call__(self, entries: Sequence[Fields]) -> None:
        for fields in entries:
            self._writer.writerow(["" if value is None else safe_cell(str(value)) for value in fields.values()])
        sys.stdout.flush()


def _show_table(entries: Sequence[Fields]) -> None:
    if not entries:
        notes().print("No entries in the log match.")
        return
    table = WordTable("at", "user", "step", "state", "why")
    for fields in entries:
        state, reason = _cell(fields, "state"), _cell(fields, "reason")
        table.add_row(
            Text(_cell(fields, "at").replace("T", " ")),
            Text(_cell(fields, "user")),
            Text(f"{_cell(fields, 'playbook')} {_cell(fields, 'step')}"),
            Text(state if reason == state else f"{state} {reason}", _COLOURS.get(state, "")),
            Text(" ".join(part for part in (_way(fields), _cell(fields, "why")) if part)),
        )
    console().print(table)


def _way(fields: Fields) -> str:
    """Return by which channel it goes, and where to if it was handed off."""
    channel, address = _cell(fields, "channel"), _cell(fields, "address")
    if not channel:
        return ""
    return f"By {channel} to {address}." if address else f"By {channel}."


def _show_lines(entries: Sequence[Fields]) -> None:
    for fields in entries:
        typer.echo("  ".join(_cell(fields, name) or "-" for name in _COLUMNS))


def _cell(fields: Fields, name: str) -> str:
    if name == "why":
        by_hand = hand_words(_text(fields["who"]), _text(fields["why"]))
        return " ".join(str(part) for part in (fields["sentence"], fields["detail"], by_hand) if part)
    value = fields[name]
    return "" if value is None else str(value)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
