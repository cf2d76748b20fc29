"""``habitue apply``: makes the files the running version."""

from functools import partial
from typing import Annotated, Any, NamedTuple, Protocol, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape

from engine.activation import Activation
from engine.app import App
from engine.cli.context import AsJson, Who, console, notes, open_app, person, print_json
from engine.cli.standings import as_dicts, show_standings, standings
from engine.cli.versions import show_files
from engine.content.versions import Seen
from engine.errors import VersionReplaced
from engine.explain.health import count_users
from engine.explain.standing import PlaybookStanding
from engine.loading import Content

Standings: TypeAlias = tuple[PlaybookStanding, ...]


class _Act(Protocol):
    """Applies content, or says what that would change."""

    def __call__(self, content: Content, seen: Seen | None) -> Activation | None: ...


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue apply --who ann")(apply)


def apply(
    context: typer.Context,
    who: Who = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the files the running version, and say what that changes. If they have errors, nothing is changed.

    Columns that the files ask for are added; those that they no longer need are renamed and kept. If facts, dimensions or
    conditions of playbooks changed, the next ticks evaluate everybody again. What a playbook had planned that these files
    retire, or do not have any more, is cancelled by the next tick if its `on_retire` says so; how many users and messages
    that concerns is said, also with `--dry-run`.
    """
    with open_app(context) as app:
        content, done, before = _apply(app, who, dry_run=dry_run)
        left = before if dry_run else _with_newer(before, standings(app, content))
        with app.database.read() as connection:
            users = count_users(connection) if done and done.sweep else 0
    if as_json:
        print_json({**_as_dict(content.version, done, users, dry_run=dry_run), "playbooks": as_dicts(left)})
        return
    if done is None:
        console().print(f"Version {content.version} is running already.", highlight=False)
    else:
        _show(console(), done, users, dry_run=dry_run)
    show_standings(console(), left)


class _Applied(NamedTuple):
    """The content, what applying it changed, and how its playbooks stood before."""

    content: Content
    done: Activation | None
    before: Standings


def _with_newer(before: Standings, after: Standings) -> Standings:
    """Return what is known after the act, and what was there before it and is not any more."""
    newer = {one.playbook: one for one in after}
    return tuple({**{one.playbook: one for one in before}, **newer}.values())


def _apply(app: App, who: str | None, *, dry_run: bool) -> _Applied:
    """Apply the files; if another version is applied meanwhile, read them once more, because they may be older."""
    act = app.plan if dry_run else partial(app.apply, now=app.clock.now(), columns=True, who=person(who))
    try:
        return _once(app, act)
    except VersionReplaced as error:
        notes().print(f"{escape(str(error))}; reading them again", highlight=False, soft_wrap=True)
        return _once(app, act)


def _once(app: App, act: _Act) -> _Applied:
    seen = app.seen()
    content = app.content()
    before = standings(app, content)
    return _Applied(content, act(content=content, seen=seen), before)


def _show(out: Console, done: Activation, users: int, *, dry_run: bool) -> None:
    verb = "would be" if dry_run else "is"
    before = "the first" if done.before is None else f"before: {done.before}"
    out.print(f"Version {done.version} {verb} running ({before}).", highlight=False)
    if done.before is None:
        out.print(f"  {len(done.files)} files", highlight=False)
    else:
        show_files(out, done.files)
    for what, names in _columns(done).items():
        if names:
            out.print(f"columns {what}: {', '.join(names)}", highlight=False, soft_wrap=True)
    if done.sweep is None:
        first = "Nobody has been evaluated yet: the next tick evaluates everybody."
        out.print(first if done.reasons else "Nobody has to be evaluated again.", highlight=False)
        return
    would, them = "would " if dry_run else "", "1 user" if users == 1 else f"{users:,} users"
    out.print(f"The next ticks {would}evaluate everybody again ({them}):", highlight=False)
    for reason in done.reasons:
        out.print(f"  {escape(reason)}", highlight=False, soft_wrap=True)


def _columns(done: Activation) -> dict[str, list[str]]:
    return {
        "added": [column.name for column in done.columns.missing],
        "recreated, old content kept": [one.column.name for one in done.columns.retyped],
        "retired, content kept": list(done.columns.superfluous),
    }


def _as_dict(version: str, done: Activation | None, users: int, *, dry_run: bool) -> dict[str, Any]:
    if done is None:
        return {"version": version, "before": version, "applied": False, "files": [], "columns": {}, "sweep": None}
    added, retyped, retired = _columns(done).values()
    need = done.sweep
    return {
        "version": version,
        "before": done.before,
        "applied": not dry_run,
        "files": [{"path": one.path, "what": one.what} for one in done.files],
        "columns": {"added": added, "retyped": retyped, "retired": retired},
        "sweep": need and {"depth": need.depth, "everybody": need.everybody, "users": users, "reasons": done.reasons},
    }
