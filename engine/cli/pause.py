"""``habitue pause`` and ``habitue resume``: stops a playbook, a channel, an adapter, a class or everything, at once."""

from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.app import App
from engine.cli.as_json import as_json as to_json
from engine.cli.by_hand import DryRun, SubjectName, Why, hand, subject_of
from engine.cli.context import AsJson, Who, console, open_app, print_json
from engine.clock import iso
from engine.control.interventions import Hand
from engine.control.pauses import pause as pause_now
from engine.control.pauses import resume as resume_now
from engine.control.pauses import still_stopped
from engine.explain.pauses import PauseReport, Waiting, read_pauses, read_waiting
from engine.store.paused import StandingPause, Subject, SubjectScope

_What = Annotated[SubjectScope, typer.Argument(help="What to pause.", show_default=False)]
_WhatPaused = Annotated[SubjectScope, typer.Argument(help="What to resume.", show_default=False)]


def register(program: typer.Typer) -> None:
    """Add the commands."""
    program.command(epilog='Example: habitue pause playbook winback --reason "wrong coupon"')(pause)
    program.command(epilog="Example: habitue resume playbook winback")(resume)


def pause(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    scope: _What,
    name: SubjectName = None,
    why: Why = None,
    who: Who = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Pause a playbook, a channel, an adapter, a message class, or everything, on all machines within a second.

    Nothing of it is sent until `habitue resume`, and nothing is lost: its messages wait and expire as always. A paused
    playbook still records who enters and who leaves, but takes no steps.
    """
    with open_app(context) as app:
        subject = subject_of(app, scope, name)
        new = not dry_run and _pause(app, subject, hand(who, why))
        with app.database.read() as connection:
            reports = read_pauses(connection, app.settings.adapters_of_channels(), app.clock.now())
            waiting = read_waiting(connection, subject, app.settings.adapters_of_channels(), app.clock.now())
    mine = (one for one in reports if one.subject == str(subject) and one.intervention is not None)
    report = next(mine, None)
    if as_json:
        print_json(_as_dict(subject, report, waiting, new=new))
    elif report is None:
        _say(f"{subject} would be paused; {waiting}.")
    elif new:
        _say(f"{subject} is paused; {waiting}. {report.remedy}.")
    else:
        _say(f"{subject} was {report.message}. {report.remedy}.")


def resume(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    scope: _WhatPaused,
    name: SubjectName = None,
    why: Why = None,
    who: Who = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Resume what was paused: its messages are sent, unless they have expired, and its steps are taken.

    What the file of a playbook pauses, only the file lets go on.
    """
    with open_app(context) as app:
        subject = subject_of(app, scope, name)
        now = app.clock.now()
        with app.database.read() as connection:
            waiting = read_waiting(connection, subject, app.settings.adapters_of_channels(), now)
        ended = app.database.in_transaction(
            partial(resume_now, subject=subject, hand=hand(who, why), now=now, dry_run=dry_run)
        )
        with app.database.read() as connection:
            reports = read_pauses(connection, app.settings.adapters_of_channels(), now)
            left = [one for one in reports if one.subject != str(subject) or one.intervention is None]
            by_files = still_stopped(connection, subject)
    if as_json:
        others = [one.subject for one in left]
        print_json(
            {"subject": str(subject), "resumed": not dry_run, "waiting": to_json(waiting), "still_paused": others}
        )
        return
    if by_files is not None:
        _say(f"{subject} {'would be' if dry_run else 'is'} no longer paused by hand, but {by_files}; {waiting}.")
    else:
        _say(f"{subject} {'would go' if dry_run else 'goes'} on; it was paused {_since(ended)}; {waiting}.")
    if left:
        _say(f"Still paused: {', '.join(one.subject for one in left)}.")


def _pause(app: App, subject: Subject, by: Hand) -> bool:
    """Pause ``subject``; return whether it was not paused yet."""
    return app.database.in_transaction(partial(pause_now, subject=subject, hand=by, now=app.clock.now())).new


def _since(ended: StandingPause) -> str:
    by = f" by {ended.who}" if ended.who else ""
    return f"since {iso(ended.since)}{by}"


def _as_dict(subject: Subject, report: PauseReport | None, waiting: Waiting, *, new: bool) -> dict[str, Any]:
    pause = None if report is None else to_json(report)
    return {
        "subject": str(subject),
        "paused": report is not None,
        "new": new,
        "pause": pause,
        "waiting": to_json(waiting),
    }


def _say(sentence: str) -> None:
    console().print(escape(sentence[0].upper() + sentence[1:]), highlight=False, soft_wrap=True)
