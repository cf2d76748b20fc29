"""``habitue check``: all errors in all files."""

from collections.abc import Sequence

import typer
from rich.markup import escape

from engine.app import App
from engine.cli.context import FINDINGS, AsJson, console, notes, open_app, print_json
from engine.cli.standings import show_standings, standings
from engine.content.findings import Finding
from engine.errors import StoreError
from engine.explain.standing import PlaybookStanding
from engine.loading import Content


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue check --json")(check)


def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Check facts, rules and their cases, playbooks, templates and settings. Exits with 1 if it finds anything.

    If everything can be read, each template is also rendered for a made-up customer, with the limits of delivery. If there
    is a store, too, it says how many users and messages there are of playbooks that are paused by their files, retired, or
    gone; with `--json` as notes.
    """
    with open_app(context) as app:
        content, findings = app.examine()
        app.adapters()  # finds errors in their settings now, not when the first message is sent
        findings += [Finding("config.toml", 0, sentence, "warning") for sentence in app.settings.outdated()]
        if content is not None:
            findings = sorted({*findings, *app.rehearse(content)})
        left = _standings(app, content) if content is not None else ()
        files = len(app.bundle().files)
    if as_json:
        print_json([*map(_as_dict, findings), *map(_as_note, (one for one in left if one.concerns_anybody))])
    else:
        _show(findings, files)
        show_standings(console(), left)
    if content is None or findings:
        raise typer.Exit(FINDINGS)


def _as_dict(finding: Finding) -> dict[str, str | int]:
    return {"file": finding.file, "line": finding.line, "severity": finding.severity, "message": finding.message}


def _as_note(one: PlaybookStanding) -> dict[str, str | int]:
    return {"file": one.path, "line": 0, "severity": "note", "message": f"playbook {one.playbook}: {one.message}"}


def _standings(app: App, content: Content) -> tuple[PlaybookStanding, ...]:
    """Return the playbooks that are not simply active, if there is a store; files are checked without one, too."""
    if app.database.is_missing:
        return ()
    try:
        return standings(app, content)
    except StoreError as error:
        said = f"the store was not looked at, so nothing is said about users in playbooks: {error}"
        notes().print(escape(said), highlight=False, soft_wrap=True)
        return ()


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
