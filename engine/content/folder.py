"""Reading one of the brand's folders: files as text, and a finding for whatever else has the name of one."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from engine.content.findings import Finding
from engine.errors import HabitueError
from engine.text_file import TextFile, read_text

_READINGS = 3
"""How often a folder is read if files vanish meanwhile, as they do while an editor or git replaces them."""


@dataclass
class FolderText:
    """Label -> text of the files, labels like ``rules/facts.toml``, and what cannot be read."""

    files: dict[str, str] = field(default_factory=dict)
    unreadable: list[Finding] = field(default_factory=list)

    def add(self, label: str, read: TextFile) -> None:
        """Add a file, or what is wrong with it."""
        try:
            label.encode()
        except UnicodeEncodeError:
            label = os.fsencode(label).decode(errors="backslashreplace")
            read = TextFile(None, "the name of this file is not UTF-8; rename it")
        if read.text is not None:
            self.files[label] = read.text
        if read.problem:
            self.unreadable.append(Finding(label, read.line, read.problem))


def read_folder(name: str, folder: Path, suffix: str) -> FolderText:
    """Read all files with ``suffix`` in ``folder``, whose label is ``name``.

    What begins with a dot is left out, like the temporary files of editors. Links to folders are not followed.

    Raises:
        HabitueError: the folder does not exist.
    """
    for _ in range(_READINGS):
        if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises if a parent is not accessible
            raise HabitueError(
                f"the folder `{folder}` does not exist; set `content.{name}` in config.toml to the right path"
            )
        try:
            return _read_once(name, folder, suffix)
        except FileNotFoundError:
            continue
    found = FolderText()
    found.add(name, TextFile(None, "files vanish while they are read; try again when nothing replaces them"))
    return found


def _read_once(name: str, folder: Path, suffix: str) -> FolderText:
    found = FolderText()
    label = partial(_label, name, folder)
    for path in _paths(folder, suffix, lambda error: found.add(label(Path(error.filename)), _unlisted(error))):
        found.add(label(path), read_text(path))
    return found


def _label(name: str, folder: Path, path: Path) -> str:
    inner = path.relative_to(folder).as_posix()
    return name if inner == "." else f"{name}/{inner}"


def _unlisted(error: OSError) -> TextFile:
    if isinstance(error, FileNotFoundError):
        raise error
    return TextFile(None, f"the files of this folder cannot be listed: {error.strerror}; make it readable")


def _paths(folder: Path, suffix: str, unlisted: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield whatever has the name of a file, sorted within each folder, be it a file or not."""
    for inside, folders, files in os.walk(folder, onerror=unlisted):
        named = sorted(name for name in (*folders, *files) if name.endswith(suffix) and not name.startswith("."))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in named)
        yield from (Path(inside, name) for name in named)
