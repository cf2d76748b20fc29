"""``habitue task``: what the brand's people are to do for customers."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from engine.cli.as_json import as_json as to_json
from engine.cli.by_hand import Why, hand
from engine.cli.context import AsJson, Who, console, notes, open_app, parse_moment, print_json
from engine.cli.tables import WordTable
from engine.clock import DAY, HOUR, Instant, iso
from engine.control import tasks
from engine.errors import InputError
from engine.task_settings import TaskSettings
from engine.tasks.report import OwnerReport, report
from engine.tasks.rows import Task, TaskFilter, task_by_id, tasks_of

Number = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The task's number in the list.")]
Owner = Annotated[str | None, typer.Option(help="Only those of this owner.")]
Note = Annotated[str, typer.Option(help="What came of it. It may name the customer: it is kept like messages.")]
_MOST = 1_000
"""How many tasks are listed."""


def register(program: typer.Typer) -> None:
    """Add the commands."""
    family = typer.Typer(no_args_is_help=True, help="Tasks that people do for customers: see docs/tasks.md.")
    family.command("list", epilog="Example: habitue task list --owner vip-team --overdue")(show_all)
    family.command(epilog="Example: habitue task show 17")(show)
    family.command(epilog="Example: habitue task take 17 --who ann")(take)
    family.command(epilog='Example: habitue task done 17 --note "called, wants a refund"')(done)
    family.command(epilog="Example: habitue task reassign 17 care --reason holidays")(reassign)
    family.command(epilog='Example: habitue task cancel 17 --note "has left us"')(cancel)
    family.command("report", epilog="Example: habitue task report --since 30d --json")(show_report)
    program.add_typer(family, name="task")


def show_all(
    context: typer.Context,
    owner: Owner = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that are overdue.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Those that are done or cancelled, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the tasks that are to be done, those that are due first before others; with --all, the newest first."""
    with open_app(context) as app, app.database.read() as connection:
        now = app.present()
        found = tasks_of(connection, TaskFilter(owner, now if overdue else None, every), _MOST)
    if as_json:
        print_json([_as_json(one, now) for one in found])
        return
    if not found:
        console().print("No tasks.")
        return
    table = WordTable("task", "due", "owner", "state", "customer", "title", numbers=("task",))
    for one in found:
        due = f"[red]{iso(one.due_at)}[/]" if one.overdue(now) else iso(one.due_at)
        table.add_row(str(one.id), due, escape(one.owner), _state(one), escape(one.user), escape(one.title))
    console().print(table)
    if len(found) == _MOST:
        notes().print(f"There may be more: {_MOST:,} are listed.")


def show(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Show a task."""
    with open_app(context) as app, app.database.read() as connection:
        now, task = app.present(), task_by_id(connection, number)
    _tell(task, now, as_json=as_json, whole=True)


def take(context: typer.Context, number: Number, who: Who = None, as_json: AsJson = False) -> None:
    """Take on a task, so that nobody else does."""
    with open_app(context) as app:
        now = app.present()
        task = tasks.take(app.database, number, hand(who, None), now)
    _tell(task, now, as_json=as_json)


def done(context: typer.Context, number: Number, note: Note = "", who: Who = None, as_json: AsJson = False) -> None:
    """Report a task done. The history of its action says so, and by whom."""
    with open_app(context) as app:
        now = app.present()
        task = tasks.done(app.database, number, hand(who, None), note, now)
    _tell(task, now, as_json=as_json)


def cancel(context: typer.Context, number: Number, note: Note = "", who: Who = None, as_json: AsJson = False) -> None:
    """Call a task off."""
    with open_app(context) as app:
        now = app.present()
        task = tasks.cancel(app.database, number, hand(who, None), note, now)
    _tell(task, now, as_json=as_json)


def reassign(  # noqa: PLR0917 - Typer's options
    context: typer.Context,
    number: Number,
    owner: Annotated[str, typer.Argument(help="The new owner, as in [tasks.people] or [tasks.owners].")],
    reason: Why = None,
    who: Who = None,
    as_json: AsJson = False,
) -> None:
    """Give a task to another owner, who is told of it; whoever has taken it loses it."""
    with open_app(context) as app:
        now, settings = app.present(), app.settings.tasks
        _require_known(owner, settings)
        task = tasks.reassign(app.database, number, owner, hand(who, reason), settings, now)
    _tell(task, now, as_json=as_json)


def show_report(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="From an instant on (ISO 8601), or from `30d` ago on.")] = "30d",
    until: Annotated[str | None, typer.Option(help="Until an instant, or until so long ago.")] = None,
    as_json: AsJson = False,
) -> None:
    """How many tasks were made, done, late and overdue, by owner. Exits with 0 whatever it finds."""
    with open_app(context) as app:
        now, zone = app.present(), app.settings.brand.timezone
        start, end = parse_moment(since, now, zone), parse_moment(until, now, zone)
        with app.database.read() as connection:
            found = report(connection, start or Instant(0), end or Instant(now + 1), now)
    if as_json:
        print_json([to_json(one) for one in found])
    else:
        _show_report(console(), found)


def _require_known(owner: str, settings: TaskSettings) -> None:
    known = sorted({*settings.people, *settings.owners.values()})
    if owner not in known:
        raise InputError(f"there is no owner `{owner}` in [tasks]; known: {', '.join(known)}")


def _show_report(out: Console, found: list[OwnerReport]) -> None:
    if not found:
        out.print("No tasks were made in this time.")
        return
    numbers = ("tasks", "done", "late", "cancelled", "to do", "overdue")
    table = WordTable("owner", *numbers, "takes", "late by", numbers=numbers)
    for one in found:
        counts = (one.tasks, one.done, one.late, one.cancelled, one.to_do, one.overdue)
        table.add_row(escape(one.owner), *(f"{count:,}" for count in counts), _long(one.takes), _long(one.late_by))
    out.print(table)


def _long(span: int | None) -> str:
    if span is None:
        return ""
    return f"{span / DAY:.1f} days" if span >= DAY else f"{span / HOUR:.1f} hours"


def _as_json(task: Task, now: Instant) -> dict[str, object]:
    shown = {name: value for name, value in to_json(task).items() if name != "key"}
    return {**shown, "overdue": task.overdue(now)}


def _state(task: Task) -> str:
    return f"taken by {escape(task.taken_by)}" if task.to_do and task.taken_by else task.state


def _tell(task: Task, now: Instant, *, as_json: bool, whole: bool = False) -> None:
    if as_json:
        print_json(_as_json(task, now))
        return
    out = console()
    late = " [red]overdue[/]" if task.overdue(now) else ""
    out.print(
        f"Task {task.id}: [bold]{escape(task.title)}[/], {_state(task)}, owner {escape(task.owner)}, due"
        f" {iso(task.due_at)}{late}",
        highlight=False,
        soft_wrap=True,
    )
    if whole:
        out.print(f"\n{escape(task.body)}\n\nCustomer {escape(task.user)}", highlight=False, soft_wrap=True)
        if task.outcome:
            out.print(f"Outcome, by {escape(task.closed_by or '')}: {escape(task.outcome)}", highlight=False)
