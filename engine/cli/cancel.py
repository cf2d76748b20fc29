"""``habitue cancel``: calls off what waits to be sent."""

import time
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from engine.app import App
from engine.cli.as_json import as_json as to_json
from engine.cli.by_hand import DryRun, Why, hand, subject_of
from engine.cli.context import FINDINGS, AsJson, Who, console, notes, open_app, print_json
from engine.control.cancelling import CancelCounts, cancel_actions, would_cancel, would_cancel_actions
from engine.control.cancelling import cancel as cancel_all
from engine.control.interventions import Hand
from engine.errors import InputError
from engine.store.paused import Subject, SubjectScope

_MOMENT = 0.1
"""Seconds between two looks at what workers have not given back yet."""


class _What(StrEnum):
    """What can be cancelled."""

    PLAYBOOK = "playbook"
    CHANNEL = "channel"
    CLASS = "class"
    EVERYTHING = "everything"
    ACTION = "action"


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue cancel playbook winback --dry-run")(cancel)


def cancel(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    what: Annotated[_What, typer.Argument(help="What to cancel.", show_default=False)],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Its name, or the numbers of actions as in `habitue log --json`.", show_default=False),
    ] = None,
    why: Why = None,
    who: Who = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Cancel the messages of a playbook, a channel, a class, or all, that have not been sent, or single actions.

    Cancelling a playbook also ends it for the users who are in it. It does not keep anybody from entering later: pause the
    playbook first, or retire it in its file. `habitue undo` brings back what was cancelled. Exits with 1 if messages were being
    sent and could not be called off any more.
    """
    with open_app(context) as app:
        if what is _What.ACTION:
            subject, done = "these actions", _cancel_actions(app, names or [], hand(who, why), dry_run=dry_run)
        else:
            one = subject_of(app, SubjectScope(what.value), _only(what, names))
            subject, done = str(one), _cancel(app, one, hand(who, why), dry_run=dry_run)
    if as_json:
        print_json({"subject": subject, "cancelled": not dry_run, **to_json(done)})
    else:
        for sentence in _sentences(subject, done, dry_run=dry_run):
            console().print(escape(sentence), highlight=False, soft_wrap=True)
    if done.being_sent and not dry_run:
        raise typer.Exit(FINDINGS)


def _only(what: _What, names: list[str] | None) -> str | None:
    if names and len(names) > 1:
        raise InputError(f"cancel one {what} at a time, not {', '.join(names)}; only actions can be several")
    return names[0] if names else None


def _cancel_actions(app: App, names: list[str], by: Hand, *, dry_run: bool) -> CancelCounts:
    if not names:
        raise InputError("which actions? Give their numbers, as in `habitue log --json`")
    actions = [_number(name) for name in names]
    if not dry_run:
        return cancel_actions(app.database, actions, by, app.clock.now())
    with app.database.read() as connection:
        return would_cancel_actions(connection, actions)


def _number(name: str) -> int:
    if not (name.isascii() and name.isdecimal() and len(name) < 19):
        raise InputError(f"`{name}` is not the number of an action: `habitue log --json` shows them")
    return int(name)


def _cancel(app: App, subject: Subject, by: Hand, *, dry_run: bool) -> CancelCounts:
    with app.database.read() as connection:
        expected = would_cancel(connection, subject, app.clock.now())
    if dry_run:
        return expected
    out = notes()
    with Bars(
        TextColumn("cancelling"),
        BarColumn(),
        MofNCompleteColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    ) as bars:
        task = bars.add_task("cancelling", total=expected.messages + expected.enrolments)

        def watch(changed: int) -> None:
            bars.advance(task, changed)

        try:
            return cancel_all(app.database, subject, by, app.clock.now(), wait=_wait, watch=watch)
        except KeyboardInterrupt:
            raise InputError(
                f"interrupted: what was cancelled stays so, and {subject} is paused; give the command again to go on, or"
                f" `habitue resume {subject}`"
            ) from None


def _wait() -> None:
    time.sleep(_MOMENT)


def _sentences(subject: str, done: CancelCounts, *, dry_run: bool) -> list[str]:
    counts = _counted(done.messages, "message")
    if done.enrolments:
        counts += f" and {_counted(done.enrolments, 'enrolment')}"
    said = [f"Of {subject}, nothing waits to be sent."]
    if dry_run and (done.messages or done.enrolments):
        said = [f"Of {subject}, {counts} would be cancelled."]
    elif done.intervention is not None:
        said = [f"Of {subject}, cancelled: {counts}. `habitue undo {done.intervention}` brings them back."]
    if done.being_sent:
        end = "may be sent nevertheless" if dry_run else "could not be called off"
        said.append(f"{_counted(done.being_sent, 'message')} being sent {end}.")
    return said


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
