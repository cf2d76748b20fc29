"""Prints reports."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape

from engine.channels.base import masked
from engine.cli.explain_tables import day_time
from engine.cli.tables import WordTable
from engine.explain.report.models import DayCount, PlaceCount, PlaybookCount, ReasonCount, Report


def show_report(out: Console, found: Report) -> None:
    """Print all tables of a report."""
    since = "" if found.since is None else f"; transitions and actions since {day_time(found.since)}"
    out.print(
        f"[bold]{found.users:,} customers, {found.events:,} events, {found.ticks:,} ticks[/]{since}", highlight=False
    )
    if found.crossed:
        _print(out, _crossed(found))
    show_places(out, [one for one in found.places if one.dimension not in (found.stage, found.tier)])
    _print(out, _transitions(found))
    _print(out, _actions(found))
    if found.downgrades:
        _print(out, _downgrades(found))
        _print(out, _next_downgrades(found))
    out.print()


def show_places(out: Console, rows: Sequence[PlaceCount]) -> None:
    """Print the customers by place."""
    table = WordTable(
        "dimension",
        "place",
        "customers",
        "entered",
        "left",
        title="Customers by place",
        numbers=("customers", "entered", "left"),
    )
    for name, one in zip(_once(row.dimension for row in rows), rows, strict=True):
        table.add_row(name, one.place, f"{one.customers:,}", f"{one.entered:,}", f"{one.left:,}")
    _print(out, table)


def show_playbooks(out: Console, rows: Sequence[PlaybookCount]) -> None:
    """Print the actions by playbook."""
    table = WordTable("playbook", "state", "actions", title="Actions by playbook", numbers=("actions",))
    for name, one in zip(_once(row.playbook for row in rows), rows, strict=True):
        table.add_row(name, one.state, f"{one.count:,}")
    _print(out, table)


def show_reasons(out: Console, rows: Sequence[ReasonCount]) -> None:
    """Print the actions by reason."""
    table = WordTable("state", "reason", "actions", "", title="Actions by reason", numbers=("actions",))
    for name, one in zip(_once(row.state for row in rows), rows, strict=True):
        table.add_row(name, escape(one.reason), f"{one.count:,}", escape(one.sentence or ""))
    _print(out, table)


def show_days(out: Console, rows: Sequence[DayCount]) -> None:
    """Print what happened on each day, a column for each kind."""
    kinds = sorted({row.what for row in rows}, key=lambda what: (what not in {"entered", "moved"}, what))
    counts = {(row.day, row.what): row.count for row in rows}
    table = WordTable("day", *kinds, title="What happened, by day", numbers=kinds)
    for day in dict.fromkeys(row.day for row in rows):
        table.add_row(day, *(f"{counts.get((day, kind), 0):,}" for kind in kinds))
    _print(out, table)


def _print(out: Console, table: WordTable) -> None:
    out.print()
    out.print(table)


def _once(names: Iterable[str]) -> list[str]:
    """Return each name where it stands first, and empty text where it is repeated."""
    found: list[str] = []
    before = None
    for name in names:
        found.append("" if name == before else escape(name))
        before = name
    return found


def _crossed(found: Report) -> WordTable:
    counts = {(one.stage, one.tier): one.customers for one in found.crossed}
    stages = [one.place for one in found.places if one.dimension == found.stage]
    tiers = [one.place for one in found.places if one.dimension == found.tier]
    title = f"Customers by {found.stage} and {found.tier}"
    table = WordTable(found.stage, *tiers, "all", title=title, numbers=(*tiers, "all"))
    for stage in stages:
        row = [counts.get((stage, tier), 0) for tier in tiers]
        table.add_row(stage, *(f"{count:,}" for count in (*row, sum(row))))
    columns = [sum(counts.get((stage, tier), 0) for stage in stages) for tier in tiers]
    table.add_row("all", *(f"{count:,}" for count in (*columns, sum(columns))))
    return table


def _transitions(found: Report) -> WordTable:
    table = WordTable("dimension", "from", "to", "cause", "customers", title="Transitions", numbers=("customers",))
    for name, one in zip(_once(move.dimension for move in found.transitions), found.transitions, strict=True):
        table.add_row(name, one.origin, one.place, one.cause, f"{one.count:,}")
    return table


def _actions(found: Report) -> WordTable:
    table = WordTable("playbook", "state", "reason", "actions", title="Actions and their reasons", numbers=("actions",))
    for name, one in zip(_once(done.playbook for done in found.actions), found.actions, strict=True):
        table.add_row(name, one.state, escape(one.reason), f"{one.count:,}")
    return table


def _downgrades(found: Report) -> WordTable:
    title = "Who waits for a downgrade, and until when"
    table = WordTable("dimension", "place", "until", "customers", title=title, numbers=("customers",))
    for one in found.downgrades:
        table.add_row(one.dimension, one.place, one.until, f"{one.customers:,}")
    return table


def _next_downgrades(found: Report) -> WordTable:
    table = WordTable("customer", "dimension", "place", "waiting since", "until", title="The first of them")
    for one in found.next_downgrades:
        user = masked(one.user) if "@" in one.user else one.user
        table.add_row(escape(user), one.dimension, one.place, day_time(one.waiting_since), day_time(one.until))
    return table
