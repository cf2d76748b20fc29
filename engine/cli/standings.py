"""What ``habitue check`` and ``habitue apply`` say about playbooks that are paused by their files, retired, or gone."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from engine.app import App
from engine.explain.standing import PlaybookStanding, read_standings
from engine.loading import Content
from engine.playbooks.file.heads import heads_of


def standings(app: App, content: Content) -> tuple[PlaybookStanding, ...]:
    """Return the playbooks that are not simply active with ``content``, which may not be running yet.

    Raises:
        StoreError: the database cannot be used.
    """
    with app.database.read() as connection:
        return read_standings(connection, heads_of(content.playbooks), content.version, app.clock.now())


def show_standings(out: Console, found: tuple[PlaybookStanding, ...]) -> None:
    """Print a line for each that is paused, or of which anything is left."""
    for one in found:
        if one.concerns_anybody:
            out.print(escape(f"Playbook {one.playbook}: {one.message}."), highlight=False, soft_wrap=True)


def as_dicts(found: tuple[PlaybookStanding, ...]) -> list[dict[str, Any]]:
    """Return them for JSON."""
    return [
        {
            "playbook": one.playbook,
            "state": one.state.value,
            "on_retire": one.on_retire,
            "file": one.path,
            "since": one.since,
            "cancel_at": one.cancel_at,
            "enrolled": one.enrolled.count,
            "messages": one.messages.count,
            "or_more": one.enrolled.more or one.messages.more,
        }
        for one in found
    ]
