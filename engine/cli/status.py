"""``habitue status``: workers, lag, queues, the last ticks, and what needs attention."""

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text
from sqlalchemy import Connection

from engine.app import App
from engine.cli.as_json import as_json as to_json
from engine.cli.by_hand import adapters_of
from engine.cli.context import FINDINGS, AsJson, console, open_app, print_json
from engine.cli.explain_tables import day_time
from engine.cli.status_files import StatusFiles, applied_files, current_files, notes_on_files
from engine.cli.tables import WordTable
from engine.clock import WallClock
from engine.content.values import span
from engine.control.sandbox import is_sandbox
from engine.explain.checks import attention
from engine.explain.checks.base import Installation
from engine.explain.health import read_disk, read_pools, read_store
from engine.explain.health_models import Depth, Disk, Lag, Pool, Status, Store, Sweeping
from engine.explain.pauses import read_pauses
from engine.store.state_table import drift

SANDBOX_NOTE = "this store is a sandbox: `habitue tick --at` may move its clock ahead of the real time"


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


def read_status(app: App) -> Status:
    """Return the status of the installation of ``app``.

    Raises:
        StoreError: the database cannot be used, or has no tables yet.
    """
    by_hand = app.settings.content.apply == "manual"
    return status_of(app, applied_files(app) if by_hand else current_files(app), by_hand=by_hand)


def status_of(app: App, files: StatusFiles, *, by_hand: bool) -> Status:
    """Return the status of an installation whose files have been read already; ``by_hand`` as in ``show_status``.

    Raises:
        StoreError: as in ``read_status``.
    """
    with app.database.read() as connection:
        seen = _seen(app, connection, files, by_hand=by_hand)
        needed = (*files.attention, *attention(seen))
        sandbox = is_sandbox(connection)
    notes = (*files.notes, SANDBOX_NOTE) if sandbox else files.notes
    if by_hand and files.version is not None:
        notes = (*notes, *notes_on_files(seen.store.content_version, files.version, files.findings))
    errors = sum(finding.severity == "error" for finding in files.findings)
    return Status(seen.store, files.version, errors, tuple(seen.pools), seen.disk, needed, notes, tuple(seen.pauses))


def _seen(app: App, connection: Connection, files: StatusFiles, *, by_hand: bool) -> Installation:
    now, wall = app.clock.now(), WallClock().now()
    coupons = files.content.playbooks.coupons.items() if files.content else ()
    columns = files.content.columns() if files.content else None
    return Installation(
        connection=connection,
        now=now,
        wall=wall,
        store=read_store(connection, app.kinds.reasons, now, wall),
        pools=read_pools(connection, [name for name, coupon in coupons if coupon.kind == "pool"], now),
        disk=read_disk(file.resolve().parent) if (file := app.database.file) else None,
        pauses=read_pauses(connection, adapters_of(app), now),
        content=files.content,
        findings=() if by_hand else files.findings,
        differences="" if columns is None else str(drift(connection, app.database.dialect, columns)),
        limits=app.settings.status,
        schedule=app.settings.schedule,
    )


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
