"""``habitue check``: all errors in all files."""

from collections.abc import Sequence

import typer
from rich.markup import escape

from engine.app import App
from engine.cli.context import FINDINGS, AsJson, console, notes, open_app, print_json
from engine.content.findings import Finding
from engine.errors import StoreError
from engine.explain.kept_templates import check_kept_templates
from engine.loading import Content


def register(program: typer.Typer) -> None:
    """Add the command."""
    program.command(epilog="Example: habitue check --json")(check)


def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Check facts, rules and their cases, playbooks, templates and settings. Exits with 1 if it finds anything.

    If everything can be read, each template is also rendered for a made-up customer, with the limits of delivery. If
    there is a store, too, it says which templates are gone although users who entered a playbook earlier need them.
    """
    with open_app(context) as app:
        content, findings = app.examine()
        app.adapters()  # finds errors in their settings now, not when the first message is sent
        findings += [Finding("config.toml", 0, sentence, "warning") for sentence in app.settings.outdated()]
        if content is not None:
            findings = sorted({*findings, *app.rehearse(content), *_of_store(app, content)})
        files = len(app.bundle().files)
    if as_json:
        print_json([_as_dict(finding) for finding in findings])
    else:
        _show(findings, files)
    if content is None or findings:
        raise typer.Exit(FINDINGS)


def _of_store(app: App, content: Content) -> list[Finding]:
    """Return what the files lack for users who entered earlier; files are checked without a store, too."""
    if app.database.is_missing:
        return []
    try:
        with app.database.read() as connection:
            return check_kept_templates(connection, content, app.settings.served_channels())
    except StoreError as error:
        said = f"the store was not looked at, so nothing is said about templates that it still needs: {error}"
        notes().print(escape(said), highlight=False, soft_wrap=True)
        return []


def _as_dict(finding: Finding) -> dict[str, str | int]:
    return {"file": finding.file, "line": finding.line, "severity": finding.severity, "message": finding.message}


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
