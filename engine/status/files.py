"""The files as ``habitue status`` sees them: what ticks run, and what is to say about the folder."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.app import App
from engine.content.findings import Finding
from engine.errors import ContentError, HabitueError, NothingApplied
from engine.explain.health_models import Attention
from engine.loading import Content


@dataclass(frozen=True, slots=True)
class StatusFiles:
    """The content that ticks run, and what is to say about the files in the folder."""

    content: Content | None
    version: str | None
    findings: Sequence[Finding] = ()
    attention: tuple[Attention, ...] = ()
    notes: tuple[str, ...] = ()


def notes_on_files(applied: str | None, version: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return how the files (``version``) differ from the ``applied`` version, if only ``habitue apply`` applies them."""
    errors = [finding for finding in findings if finding.severity == "error"]
    said = f"the files in the folder (version {version})"
    if version == applied:
        return ()
    if errors:
        return (f"{said} have {len(errors)} errors, the first: {errors[0]}; `habitue check` shows all of them",)
    if applied is None:
        return ()
    return (f"{said} differ from the applied version {applied}: run `habitue apply`",)


def current_files(app: App) -> StatusFiles:
    """Return the files as they are, which the next tick applies."""
    bundle = app.bundle()
    content, findings = app.examine(bundle)
    return StatusFiles(content, bundle.version, findings)


def applied_files(app: App) -> StatusFiles:
    """Return the applied version; files that cannot be read are only mentioned, because nothing depends on them."""
    content: Content | None = None
    needed: tuple[Attention, ...] = ()
    try:
        content = app.read().content
    except ContentError as error:
        said = f"this version of Habitué cannot read the applied version: {error.findings[0]}"
        needed = (Attention("files", "content", said, "mend the files, then run `habitue apply`", "content"),)
    except NothingApplied as error:
        needed = (Attention("files", "content", str(error), "run `habitue apply`", "content"),)
    try:
        bundle = app.bundle()
        return StatusFiles(content, bundle.version, app.examine(bundle)[1], needed)
    except HabitueError as error:
        return StatusFiles(content, None, (), needed, (f"the files in the folder cannot be read: {error}",))
