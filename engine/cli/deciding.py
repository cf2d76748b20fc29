"""What the commands that change single actions share: naming actions, carrying out, reporting."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from engine.actions.by_hand import ActionFilter
from engine.actions.reasons import Reasons
from engine.app import App
from engine.cli.by_hand import hand, subject_of
from engine.cli.context import FINDINGS, console, notes, open_app, parse_moment, print_json
from engine.clock import Instant
from engine.control.actions_by_hand import Chosen, HandResult, HandWork, carry_out, preview
from engine.control.interventions import Hand
from engine.errors import InputError
from engine.store.paused import SubjectScope

Ids = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="ACTION",
        min=1,
        max=2**63 - 1,
        help="The `number` of an action in `habitue log --json`; several may be given.",
    ),
]
Playbook = Annotated[str | None, typer.Option(help="Only those of this playbook.")]
ChannelName = Annotated[str | None, typer.Option("--channel", help="Only those on this channel.")]
Template = Annotated[str | None, typer.Option(help="Only those with this template.")]
LoggedReason = Annotated[
    str | None, typer.Option(help="Only those with this reason in the log, such as no_answer; see docs/actions.md.")
]
Since = Annotated[str | None, typer.Option(help="Only those since an instant (ISO 8601), or since `24h` or `7d` ago.")]
Until = Annotated[str | None, typer.Option(help="Only those until an instant, or until so long ago.")]
Every = Annotated[bool, typer.Option("--all", help="All of them.")]
Work: TypeAlias = Callable[[Instant], HandWork]


@dataclass(frozen=True, slots=True)
class Selected:
    """Which actions the options name; texts as they were given."""

    ids: Sequence[int] | None = None
    playbook: str | None = None
    channel: str | None = None
    template: str | None = None
    reason: str | None = None
    since: str | None = None
    until: str | None = None
    every: bool = False

    def chosen(self, now: Instant, zone: str) -> Chosen:
        """Return the choice.

        Raises:
            InputError: nothing is chosen, or ids and a filter, or an instant is not one.
        """
        since, until = parse_moment(self.since, now, zone), parse_moment(self.until, now, zone)
        wanted = ActionFilter(self.playbook, self.channel, self.template, self.reason, since, until)
        if self.ids and (wanted or self.every):
            raise InputError("name actions or select them with options, not both")
        if self.every and wanted:
            raise InputError("--all and other options that select actions exclude each other")
        if not (self.ids or wanted or self.every):
            raise InputError("name the actions, select them with options such as --playbook, or say --all")
        return Chosen(tuple(dict.fromkeys(self.ids or ())), wanted)


@dataclass(frozen=True, slots=True)
class HowTo:
    """How to do it, as the options say."""

    dry_run: bool = False
    why: str | None = None
    who: str | None = None
    as_json: bool = False

    @property
    def hand(self) -> Hand:
        """Who does it, and why."""
        return hand(self.who, self.why)


def run(context: typer.Context, work: Work, selected: Selected, how: HowTo) -> None:
    """Carry out ``work`` and report it; exits with 1 if actions were left as they are, or there were none."""
    with open_app(context) as app:
        now = app.present()
        chosen = selected.chosen(now, app.settings.brand.timezone)
        for scope, name in ((SubjectScope.PLAYBOOK, selected.playbook), (SubjectScope.CHANNEL, selected.channel)):
            if name is not None:
                subject_of(app, scope, name)
        result = _done(app, work(now), chosen, how, now)
        if how.as_json:
            print_json({one.name: getattr(result, one.name) for one in fields(result)})
        else:
            show(console(), result, app.kinds.reasons)
    if result.refused or not result.count:
        raise typer.Exit(FINDINGS)


def _done(app: App, work: HandWork, chosen: Chosen, how: HowTo, now: Instant) -> HandResult:
    if how.dry_run:
        return preview(app.database, work, chosen, now)
    with counting(work.command) as watch:
        return carry_out(app.database, work, chosen, how.hand, now=now, watch=watch)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], object]]:
    """Show how many were changed while it runs, on a terminal only."""
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,.0f}"))
    with Progress(*columns, console=notes(), transient=True, disable=not notes().is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda more: bars.advance(task, more)


def show(out: Console, result: HandResult, reasons: Reasons) -> None:
    """Print what was done, and what was not."""
    lines = [_headline(result)]
    if result.dry_run:
        lines += [f"  {count:>8,} {name}{_sentence(reasons, name)}" for name, count in sorted(result.reasons.items())]
    if not result.dry_run and "held" in result.changed:
        lines.append("  What is held waits for a coupon code; the next tick gives it one, if its pool has any.")
    lines += [f"  {count:>8,} left as they are: {why}" for why, count in sorted(result.refused.items())]
    for line in lines:
        out.print(escape(line), highlight=False, soft_wrap=True)


def _headline(result: HandResult) -> str:
    if not result.count:
        return f"{result.command}: no action changed" if not result.dry_run else f"{result.command}: nothing to do"
    changed = ", ".join(f"{count:,} {state}" for state, count in sorted(result.changed.items()))
    if result.dry_run:
        return f"{result.command}: {changed}, with these reasons so far; nothing was changed (--dry-run)"
    return f"{result.command}: {changed} (intervention {result.intervention})"


def _sentence(reasons: Reasons, name: str) -> str:
    sentence = reasons.sentence(name)
    return f": {sentence}" if sentence else ""
