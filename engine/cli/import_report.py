"""Prints the summary at the end of an import."""

from rich.console import Console
from rich.markup import escape

from engine.clock import iso
from engine.intake.files.summary import ImportSummary

_MOST_EVENTS = 12


def show_summary(console: Console, summary: ImportSummary) -> None:
    """Print how many rows were imported, and which were rejected and why."""
    for line in _lines(summary):
        console.print(line, highlight=False, soft_wrap=True)


def _lines(summary: ImportSummary) -> list[str]:
    if summary.finished_before:
        known = f"[bold]{escape(summary.source)}[/] has already been imported ({summary.read:,} rows)"
        return [f"{known}: nothing changed. Use --again to import it again."]
    lines = [f"[bold]{escape(summary.source)}[/]: {_counts(summary)}", *_understood(summary)]
    if summary.first_at is not None and summary.last_at is not None:
        lines.append(f"  from {iso(summary.first_at)} to {iso(summary.last_at)}")
    lines += [f"  {count:>10,} {escape(name)}" for name, count in list(summary.events.items())[:_MOST_EVENTS]]
    lines += [f"  [yellow]not declared:[/] {escape(name)}" for name in summary.unknown_events[:_MOST_EVENTS]]
    if summary.refusals_kept:
        lines.append(
            f"  {summary.refusals_kept:,} consents without a date did not override the user's own refusal; "
            "add a column consent_at with the time of each consent"
        )
    if summary.undated:
        lines.append(f"  {summary.undated:,} addresses without a date that can be read are suppressed from now on")
    return lines + _rejected(summary)


def _counts(summary: ImportSummary) -> str:
    parts = [f"{summary.read:,} rows read"]
    if summary.earlier:
        parts.append(f"{summary.earlier:,} committed by an earlier run")
    if summary.dry_run:
        parts.append(f"{summary.read - summary.rejected:,} would be imported, nothing was stored (--dry-run)")
    else:
        parts.append(f"{summary.new:,} new")
        if summary.kind in {"users", "devices"}:
            parts.append(f"{summary.changed:,} changed")
        parts.append(f"{summary.same:,} already there")
    if summary.users_made:
        parts.append(f"{summary.users_made:,} users created")
    colour = "red" if summary.rejected else "green"
    parts.append(f"[{colour}]{summary.rejected:,} rejected[/]")
    return ", ".join(parts)


def _understood(summary: ImportSummary) -> list[str]:
    lines = []
    renamed = [f"{target} = {column}" for target, column in summary.taken.items()]
    if renamed:
        lines.append(f"  columns used: {escape(', '.join(renamed))}")
    if summary.kept:
        what = "attributes" if summary.kind == "users" else "properties"
        lines.append(f"  {what}: {escape(', '.join(summary.kept))}")
    if summary.ignored:
        lines.append(f"  ignored: {escape(', '.join(summary.ignored))}")
    return lines


def _rejected(summary: ImportSummary) -> list[str]:
    lines = [f"  [red]{count:>10,}[/] {escape(reason)}" for reason, count in summary.reasons]
    if summary.rejected_file:
        lines.append(
            f"  rejected rows with reasons: {escape(str(summary.rejected_file))}; correct them, then import that file"
        )
    return lines
