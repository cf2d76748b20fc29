"""All of the brand's files, as text, with a hash: the content of a version.

A bundle is read from the brand's folders or, if those have errors, from the store, which keeps the last good version.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.content.findings import Finding
from engine.content.folder import read_folder

RULES = "rules"
PLAYBOOKS = "playbooks"
TEMPLATES = "templates"
_SUFFIXES = {RULES: ".toml", PLAYBOOKS: ".toml", TEMPLATES: ".j2"}


@dataclass(frozen=True)
class Bundle:
    """Path -> text of every content file; paths are relative, with forward slashes: ``rules/facts.toml``."""

    files: Mapping[str, str]
    unreadable: tuple[Finding, ...] = ()
    """Findings for whatever cannot be read as text; ``files`` still has what can, for the names declared there."""

    @property
    def whole(self) -> bool:
        """Whether ``files`` has every file, though perhaps not every character of it."""
        return all(finding.file in self.files for finding in self.unreadable)

    @cached_property
    def version(self) -> str:
        """The hash of all files."""
        return digest(self.files)

    @cached_property
    def rules_version(self) -> str:
        """The hash of the files under ``rules/``, on which decisions depend."""
        return digest(self.under(RULES))

    @property
    def templates(self) -> dict[str, str]:
        """The files under ``templates/``, by their paths in there."""
        return {path.removeprefix(f"{TEMPLATES}/"): text for path, text in self.under(TEMPLATES).items()}

    def under(self, folder: str) -> dict[str, str]:
        """Return the files under ``folder``, sorted by path."""
        return {path: self.files[path] for path in sorted(self.files) if path.startswith(f"{folder}/")}


def digest(files: Mapping[str, str]) -> str:
    """Return a short hash (SHA-256, 16 hex digits) of the paths and texts."""
    total = hashlib.sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            data = part.encode()
            total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:16]


def read_bundle(rules: Path, playbooks: Path, templates: Path) -> Bundle:
    """Read the brand's three folders.

    Raises:
        HabitueError: a folder is missing.
    """
    files: dict[str, str] = {}
    unreadable: list[Finding] = []
    for name, folder in ((RULES, rules), (PLAYBOOKS, playbooks), (TEMPLATES, templates)):
        read = read_folder(name, folder, _SUFFIXES[name])
        files |= read.files
        unreadable += read.unreadable
    return Bundle(files, tuple(unreadable))
