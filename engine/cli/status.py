"""``habitue status``: workers, lag, queues, the last ticks, and what needs attention."""

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from engine.cli.as_json import as_json as to_json
from engine.cli.context import FINDINGS, AsJson, console, open_app, print_json
from engine.cli.explain_tables import day_time
from engine.cli.tables import WordTable
from engine.content.values import span
from engine.explain.health_models import Depth, Disk, Lag, Pool, Status, Store, Sweeping
from engine.status.reading import read_status


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue status --json")(status)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show workers, lag, queues, the last ticks, and what needs attention. Exits with 1 if anything does."""
    with open_app(context) as app:
        found = read_status(app)
        by_hand = app.settings.content.apply == "manual"
    if as_json:
        print_json(to_json(found))
    else:
        show_status(console(), found, by_hand=by_hand)
    if found.attention:
        raise typer.Exit(FINDINGS)


def show_status(out: Console, found: Status, *, by_hand: bool) -> None:
    """Print a status; ``by_hand`` if only ``habitue apply`` applies the files."""
    store = found.store
    out.print(_versions(found, by_hand=by_hand), highlight=False)
    out.print(f"customers: about {store.users_about:,}", highlight=False)
    out.print(_lag(store.lag), highlight=False)
    if store.sweep:
        out.print(_sweep(store.sweep), highlight=False)
    if store.repeated:
        out.print(f"transactions repeated after conflicts in the last 24 hours: {store.repeated:,}", highlight=False)
    if store.gone:
        out.print(
            f"addresses suppressed in the last 24 hours because they are gone: {store.gone:,}"
            " (`habitue suppress list` shows them)",
            highlight=False,
        )
    _workers(out, store)
    _ticks(out, store)
    for title, depths in (("Queue", store.queue), ("Held and unknown", store.held_or_unknown)):
        if depths:
            out.print(f"\n[bold]{title}[/]")
            out.print(_depths(depths))
    for pool in found.pools:
        out.print(_pool(pool), highlight=False)
    out.print(_disk(found.disk), highlight=False, soft_wrap=True)
    out.print()
    for note in found.notes:
        out.print(escape(note), highlight=False, soft_wrap=True)
    for one in found.attention:
        out.print(f"[red]![/] [bold]{escape(one.subject)}[/]: {escape(one.message)}", highlight=False)
        out.print(Padding(escape(f"-> {one.remedy}"), (0, 0, 0, 2)), highlight=False)
    if not found.attention:
        out.print("[green]Nothing needs attention.[/]")


def _versions(found: Status, *, by_hand: bool) -> str:
    running = found.store.content_version
    if running is None:
        return "content: nothing applied yet" + ("" if by_hand else "; the next tick applies the files")
    said = f"content: {running} since {day_time(found.store.applied_at)}"
    if by_hand:
        return f"{said}, until `habitue apply`"
    if found.files_version == running:
        return f"{said}, same as the files"
    refused = f"they have errors ({found.files_errors}), so this version keeps running"
    return f"{said}; the files differ: " + (refused if found.files_errors else "the next tick applies them")


def _lag(lag: Lag) -> str:
    users = "none due" if lag.users is None else f"{span(lag.users)} late"
    users += ", some due at the next tick" if lag.users_at_once else ""
    enrolments, actions = (
        "none due" if late is None else f"{span(late)} late" for late in (lag.enrolments, lag.actions)
    )
    return f"lag: users {users}; enrolments {enrolments}; actions {actions}"


def _sweep(sweep: Sweeping) -> str:
    reached = f"{sweep.reached:,} of {sweep.total:,} users" if sweep.total else "nobody to reach"
    said = f"sweep: everybody is evaluated again because {sweep.reason}: {reached}"
    if sweep.per_second is None:
        return f"{said}; the next tick begins it"
    rate = f"{said}, {sweep.per_second:,.0f} a second"
    return rate if sweep.ends_at is None else f"{rate}, expected to end {day_time(sweep.ends_at)}"


def _pool(pool: Pool) -> str:
    free = f"more than {pool.free:,}" if pool.more else f"{pool.free:,}"
    lasts = "" if pool.lasts is None or pool.more else f", enough for {span(pool.lasts)} at the present rate"
    return f"coupon pool {pool.coupon}: {free} free{lasts}"


def _disk(disk: Disk | None) -> str:
    if disk is None:
        return "disk: not looked at, because a database server keeps the store"
    return f"disk: {disk.free / 1e9:,.1f} GB of {disk.total / 1e9:,.1f} GB free at {escape(disk.folder)}"


def _workers(out: Console, store: Store) -> None:
    if not store.workers:
        out.print("workers: none running (`habitue run`)")
        return
    for worker in store.workers:
        seen = "[red]not seen since[/]" if worker.silent else "seen"
        out.print(f"worker {worker.name}: {seen} {day_time(worker.seen_at)}", highlight=False)


def _ticks(out: Console, store: Store) -> None:
    if not store.ticks:
        out.print("ticks: none yet (`habitue tick`)")
        return
    table = WordTable("tick at", "took", "users", "transitions", "enrolments", "actions", "error")
    for tick in store.ticks:
        took = "unfinished" if tick.milliseconds is None else f"{tick.milliseconds / 1000:.1f} s"
        counts = [f"{count:,}" for count in (tick.users, tick.transitions, tick.enrolments, tick.actions)]
        table.add_row(day_time(tick.at), took, *counts, Text(tick.error or ""))
    out.print("\n[bold]Last ticks[/]")
    out.print(table)


def _depths(depths: tuple[Depth, ...]) -> WordTable:
    table = WordTable("state", "channel", "actions", "reason", "")
    for depth in depths:
        count = f"{depth.count:,}{'+' if depth.more else ''}"
        table.add_row(depth.state, depth.channel or "-", count, Text(depth.reason), Text(depth.sentence or ""))
    return table
