"""``habitue tick``: runs the pipeline once, and delivers what is due."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from engine.app import App, ContentReading
from engine.cli.context import USAGE, AsJson, console, notes, open_app, parse_instant, print_json
from engine.clock import Instant, WallClock, iso
from engine.control.sandbox import require_sandbox
from engine.delivery.tally import DeliveryCounts
from engine.errors import VersionReplaced
from engine.loading import Content
from engine.pipeline import Progress, Watch


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue tick --at 2026-03-04T09:00:00Z")(tick)


def tick(
    context: typer.Context,
    at: Annotated[
        str | None,
        typer.Option(help="Run as of this instant, ISO 8601; in a sandbox it may be far ahead (default: now)."),
    ] = None,
    deliver: Annotated[bool, typer.Option(help="Deliver the actions that are due.")] = True,
    as_json: AsJson = False,
) -> None:
    """Refresh facts, place users, enrol, advance and deliver: whatever is due, once."""
    with open_app(context, parse_instant(at) if at is not None else None) as app:
        now = app.clock.now()
        if at is not None:
            with app.database.read() as connection:
                require_sandbox(connection, now, WallClock().now())
        reading = app.read()
        out = notes()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        # When not on a terminal there is no progress bar, so that an error is the only output.
        with Bars(*columns, console=out, transient=True, disable=not out.is_terminal) as bars:
            task = bars.add_task("tick")
            content, done = _tick(app, reading, now, lambda sofar: bars.update(task, description=_line(sofar)))
            bars.update(task, description="delivery")
            drained = app.deliver(content) if deliver else None
            if deliver:
                app.tell_owners()
    _show(now, done, drained, as_json=as_json)
    waiting = [f"{alarm}; its users are waiting" for alarm in done.alarms]
    waiting += [f"{alarm}; its messages are waiting" for alarm in drained.alarms] if drained else []
    for said in waiting:
        notes().print(f"[red]habitue:[/] {escape(said)}", highlight=False, soft_wrap=True)
    if waiting:
        raise typer.Exit(USAGE)


def _tick(app: App, reading: ContentReading, now: Instant, watch: Watch) -> tuple[Content, Progress]:
    """Run the tick; return the content that it ran. If another version was applied meanwhile, read the files once more."""
    try:
        return reading.content, app.tick(reading.content, now, watch, reading.seen)
    except VersionReplaced as error:
        notes().print(f"{escape(str(error))}; reading them again", highlight=False, soft_wrap=True)
        again = app.read()
        return again.content, app.tick(again.content, now, watch, again.seen)


def _show(now: Instant, done: Progress, drained: DeliveryCounts | None, *, as_json: bool) -> None:
    if done.lived_until is not None:
        notes().print(f"Nothing to do: the last tick of this store was later, at {iso(done.lived_until)}.")
    if done.ended_early is not None:
        notes().print(f"The tick ended early: {done.ended_early}. The next one goes on.", soft_wrap=True)
    if as_json:
        delivered = dict(drained.states) if drained else {}
        counts = {name: getattr(done, name) for name in ("users", "transitions", "enrolments", "actions")}
        print_json({"at": iso(now), **counts, "delivered": delivered})
        return
    console().print(f"{iso(now)}  {_line(done)}", soft_wrap=True)
    if drained:
        said = ", ".join(f"{count:,} {state}" for state, count in sorted(drained.states.items())) or "nothing was due"
        console().print(f"delivery: {said}", soft_wrap=True)


def _line(done: Progress) -> str:
    return (
        f"{done.users:,} users evaluated, {done.transitions:,} transitions, "
        f"{done.enrolments:,} enrolments, {done.actions:,} actions"
    )
