"""All of the brand's files, as text, with a hash: the content of a version.

A bundle is read from the brand's folders or, if those have errors, from the store, which keeps the last good version.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.content.findings import Finding
from engine.errors import HabitueError

RULES = "rules"
PLAYBOOKS = "playbooks"
TEMPLATES = "templates"
_SUFFIXES = {RULES: ".toml", PLAYBOOKS: ".toml", TEMPLATES: ".j2"}


@dataclass(frozen=True)
class Bundle:
    """Path -> text of every content file; paths are relative, with forward slashes: ``rules/facts.toml``."""

    files: Mapping[str, str]
    unreadable: tuple[Finding, ...] = ()
    """Findings for files that are not UTF-8; ``files`` still has their readable parts, for the names declared there."""

    @cached_property
    def version(self) -> str:
        """The hash of all files."""
        return digest(self.files)

    @cached_property
    def rules_version(self) -> str:
        """The hash of the files under ``rules/``, on which decisions depend."""
        return digest(self.under(RULES))

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
        HabitueError: a folder is missing, or a file cannot be read.
    """
    files: dict[str, str] = {}
    unreadable: list[Finding] = []
    for name, folder in ((RULES, rules), (PLAYBOOKS, playbooks), (TEMPLATES, templates)):
        if not folder.is_dir():
            raise HabitueError(
                f"the folder `{folder}` does not exist; set `content.{name}` in config.toml to the right path"
            )
        for path in sorted(folder.rglob(f"*{_SUFFIXES[name]}")):
            label = f"{name}/{path.relative_to(folder).as_posix()}"
            files[label], wrong = _text(label, _bytes(path))
            unreadable += wrong
    return Bundle(files, tuple(unreadable))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HabitueError(f"{path} cannot be read: {error.strerror}") from error


def _text(label: str, data: bytes) -> tuple[str, list[Finding]]:
    """Return the text with line breaks as TOML counts them, and a finding if it is not UTF-8."""
    wrong = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong.append(
            Finding(label, line, f"not UTF-8 text (the byte 0x{data[error.start]:02x}); save the file as UTF-8")
        )
        text = data.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n"), wrong
