"""Which files two versions differ in."""

from dataclasses import dataclass
from typing import Literal

from engine.content.bundle import Bundle


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that two versions differ in."""

    path: str
    """With forward slashes: ``rules/facts.toml``."""
    what: Literal["added", "changed", "removed"]


def file_changes(before: Bundle | None, after: Bundle) -> tuple[FileChange, ...]:
    """Return what ``after`` changes, sorted by path. Without ``before`` all files are added."""
    old, new = before.files if before else {}, after.files
    changes = []
    for path in sorted({*old, *new}):
        if path not in old:
            changes.append(FileChange(path, "added"))
        elif path not in new:
            changes.append(FileChange(path, "removed"))
        elif old[path] != new[path]:
            changes.append(FileChange(path, "changed"))
    return tuple(changes)
