"""``habitue check``: all mistakes in the brand's files, and what they mean for users who are in playbooks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import typer
from rich.markup import escape

from adapters.base import TaskPayload
from engine.alerts.targets import targets_of
from engine.app import App
from engine.cli.context import FINDINGS, AsJson, console, notes, open_app, print_json
from engine.cli.standings import show_standings, standings
from engine.content.findings import Finding
from engine.errors import StoreError
from engine.explain.kept_templates import check_kept_templates
from engine.explain.standing import PlaybookStanding
from engine.loading import Content
from engine.tasks.owners import check_owners


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue check --json")(check)


def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Check facts, rules and their cases, playbooks, templates and settings. Exits with 1 if it finds anything.

    If everything can be read, each template is also rendered for a made-up customer, with the limits of delivery. If there
    is a store, too, it says which templates are gone although users who entered a playbook earlier need them, and how many
    users and messages there are of playbooks that are paused by their files, retired, or gone; with `--json` as notes.
    """
    with open_app(context) as app:
        content, findings = app.examine()
        of_store = _OfStore()
        targets_of(app.settings.alerts)
        app.adapters()  # finds errors in their settings now, not when the first message is sent
        findings += [Finding("config.toml", 0, sentence, "warning") for sentence in app.settings.outdated()]
        if content is not None:
            of_store = _look_at_store(app, content)
            findings = sorted({*findings, *app.rehearse(content), *_of_tasks(app, content), *of_store.findings})
        files = len(app.bundle().files)
    if as_json:
        print_json(
            [*map(_as_dict, findings), *map(_as_note, (one for one in of_store.standings if one.concerns_anybody))]
        )
    else:
        _show(findings, files)
        show_standings(console(), of_store.standings)
    if content is None or findings:
        raise typer.Exit(FINDINGS)


def _of_tasks(app: App, content: Content) -> Iterator[Finding]:
    """Return what is wrong with the owners of tasks."""
    by_task = {one.name for one in app.kinds.channels if one.payload is TaskPayload}
    used = any(channel in by_task for _, channel in content.library.names())
    return check_owners(app.settings.tasks, content.rules.places, used=used)


def _as_dict(finding: Finding) -> dict[str, str | int]:
    return {"file": finding.file, "line": finding.line, "severity": finding.severity, "message": finding.message}


def _as_note(one: PlaybookStanding) -> dict[str, str | int]:
    return {"file": one.path, "line": 0, "severity": "note", "message": f"playbook {one.playbook}: {one.message}"}


@dataclass(frozen=True, slots=True)
class _OfStore:
    """What the files mean for users who are in playbooks already."""

    findings: list[Finding] = field(default_factory=list)
    standings: tuple[PlaybookStanding, ...] = ()


def _look_at_store(app: App, content: Content) -> _OfStore:
    """Return what only the store knows; files are checked without one, too."""
    if app.database.is_missing:
        return _OfStore()
    try:
        found = standings(app, content)
        ending = frozenset(one.playbook for one in found if one.is_cancelled)
        with app.database.read() as connection:
            lacking = check_kept_templates(connection, content, app.settings.served_channels(), ending)
    except StoreError as error:
        said = f"the store was not looked at, so nothing is said about users who are in playbooks: {error}"
        notes().print(escape(said), highlight=False, soft_wrap=True)
        return _OfStore()
    return _OfStore(lacking, found)


def _show(findings: Sequence[Finding], files: int) -> None:
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        console().print(
            f"[bold]{place}[/]: [{colour}]{finding.severity}[/]: {escape(finding.message)}",
            highlight=False,
            soft_wrap=True,
        )
    errors = sum(finding.severity == "error" for finding in findings)
    found = f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}" if findings else "all good"
    console().print(f"{_count(files, 'file')}: {found}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
