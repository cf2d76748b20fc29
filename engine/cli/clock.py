"""``habitue admin clock``: the store's clock against the real time, and setting it back."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer
from sqlalchemy import Connection

from engine.app import App
from engine.cli.as_json import as_json as to_json
from engine.cli.by_hand import DryRun, Why, hand
from engine.cli.context import FINDINGS, AsJson, Who, console, open_app, print_json
from engine.clock import iso
from engine.content.values import span
from engine.control.clock import ClockSetBack, StoreClock, read_clock, set_back
from engine.control.interventions import Hand
from engine.errors import InputError, NothingApplied
from engine.loading import Content


def register(family: typer.Typer) -> None:
    """Add the command to ``habitue admin``."""
    family.command(epilog='Example: habitue admin clock --set-back --reason "a mistyped year"')(clock)


def clock(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    do_set_back: Annotated[bool, typer.Option("--set-back", help="Take back what ticks in the future did.")] = False,
    dry_run: DryRun = False,
    who: Who = None,
    why: Why = None,
    as_json: AsJson = False,
) -> None:
    """Show whether the store's clock, its last tick, is ahead of the real time, and set it back.

    Ticks, transitions, enrolments and unsent actions of the future are taken back; what was sent stays, and is listed.
    Exits with 1 if the clock is ahead, or if something could not be taken back.
    """
    if dry_run and not do_set_back:
        raise InputError("--dry-run belongs to --set-back: write `habitue admin clock --set-back --dry-run`")
    with open_app(context) as app:
        with app.database.read() as connection:
            found = read_clock(connection, app.clock.now())
        done = _set_back(app, hand(who, why), dry_run=dry_run) if do_set_back and found.ahead else None
    if as_json:
        print_json(
            {"clock": to_json(found), "ahead": found.ahead, "dry_run": dry_run, "set_back": done and to_json(done)}
        )
    else:
        for line in _lines(found, done, dry_run=dry_run):
            console().print(line, highlight=False, soft_wrap=True, markup=False)
    if (found.ahead and (done is None or dry_run)) or (done is not None and list(_left(done))):
        raise typer.Exit(FINDINGS)


def _set_back(app: App, by: Hand, *, dry_run: bool) -> ClockSetBack | None:
    content = app.last_good()
    if content is None:
        raise NothingApplied
    return app.database.in_transaction(partial(_work, app=app, content=content, by=by, dry_run=dry_run))


def _work(connection: Connection, app: App, content: Content, by: Hand, *, dry_run: bool) -> ClockSetBack | None:
    """Set the clock back; for ``dry_run``, take the same steps and undo them."""
    attempt = connection.begin_nested()
    done = set_back(connection, content, by, app.clock.now(), app.settings.content.hold_vanished)
    if dry_run:
        attempt.rollback()
    else:
        attempt.commit()
    return done


def _lines(found: StoreClock, done: ClockSetBack | None, *, dry_run: bool) -> Iterator[str]:
    last = "no tick yet" if found.last is None else f"the last tick was at {iso(found.last)}"
    yield f"The store's clock: {last}; the real time is {iso(found.now - found.now % 1_000)}."
    if not found.ahead:
        yield "The store's clock is not ahead: ticks at the real time are run."
        return
    if done is None:
        yield f"It is {span(found.ahead)} ahead: ticks do nothing until then."
        yield "`habitue admin clock --set-back --dry-run` shows what can be taken back, without --dry-run it is."
        return
    yield f"{'It would be' if dry_run else 'It was'} set back to {iso(done.to)}. {'To be taken' if dry_run else 'Taken'} back:"
    yield from (f"  {count:,} {what}" for what, count in _counts(done).items() if count)
    left = list(_left(done))
    if left:
        yield "Not taken back:"
        yield from (f"  {line}" for line in left)
    if not dry_run:
        yield "The next tick evaluates these customers as of the real time."


def _counts(done: ClockSetBack) -> dict[str, int]:
    return {
        "ticks": done.ticks,
        "customers, evaluated again at the next tick": done.placements.users,
        "transitions": done.placements.transitions,
        "enrolments, removed": done.enrolments.removed,
        "enrolments, back at the step where they were": done.enrolments.resumed,
        "unsent actions, removed": done.actions.removed,
        "unsent actions, back in their earlier state": done.actions.restored,
        "coupon codes": done.codes,
        "dates, schedules and nightly jobs, which come again": done.occasions,
        "cut points of scores": done.cut_points,
        "versions of files, dated back": done.versions,
    }


def _left(done: ClockSetBack) -> Iterator[str]:
    for sent in done.actions.sent:
        where = f"{sent.playbook}/{sent.step}, {sent.channel or 'no channel'}"
        yield f"{sent.count:,} messages were sent or are just being sent ({where}): {sent.state}"
    if done.enrolments.ended:
        yield f"{done.enrolments.ended:,} enrolments cannot go on: they were cancelled (clock_set_back)"
    if done.placements.graces:
        yield f"up to {done.placements.graces:,} customers may have been in a grace, which begins anew"
