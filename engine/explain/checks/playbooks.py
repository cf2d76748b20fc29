"""Playbooks that are no longer wanted, with users or messages of theirs left."""

from collections.abc import Iterator

from engine.content.versions import running_bundle
from engine.explain.checks.base import CheckFinding, Installation
from engine.explain.standing import read_standings
from engine.playbooks.file.heads import heads_of, read_heads
from engine.playbooks.standing import FileState


def left_of_retired(seen: Installation) -> Iterator[CheckFinding]:
    """Users are in a playbook that is retired, or that the files no longer have, or messages of it wait."""
    if seen.content is not None:
        heads, version = heads_of(seen.content.playbooks), seen.content.version
    elif (running := running_bundle(seen.connection)) is not None:
        heads, version = read_heads(running), running.version
    else:
        return
    for one in read_standings(seen.connection, heads, version, seen.now):
        if one.state is not FileState.PAUSED and one.concerns_anybody:
            yield CheckFinding(f"playbook {one.playbook}", one.message, one.remedy)
