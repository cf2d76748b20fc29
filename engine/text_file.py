"""Reading the files that people write. What is not a file is never opened: a pipe would wait for ever."""

import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAX_BYTES = 1_000_000
"""The largest text file that is read; content files are some kilobytes."""
MAX_LEVELS = 50
"""How deep tables and lists may be nested; what works on them is recursive."""
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def kind_of(mode: int) -> str | None:
    """Return what ``mode`` of ``stat`` says something is; None for a file."""
    return next((word for is_it, word in _KINDS if is_it(mode)), None)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        OSError: it is not a file, or cannot be read; ``strerror`` says which.
    """
    _require_file(path.stat().st_mode)
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb")
    try:
        _require_file(os.fstat(file.fileno()).st_mode)  # another may have come in its place
    except OSError:
        file.close()
        raise
    return file


def _require_file(mode: int) -> None:
    if (kind := kind_of(mode)) is not None:
        raise OSError(0, f"it is {kind}, not a file")


@dataclass(frozen=True, slots=True)
class TextFile:
    """What a file says, or what is wrong with it and what would be right, or both."""

    text: str | None
    """With ``\\n`` as its line break; None if nothing can be read."""
    problem: str = ""
    line: int = 0
    """The line of the problem; 0 for the whole file."""


def read_text(path: Path) -> TextFile:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises:
        FileNotFoundError: there is nothing at ``path``, not even a link.
    """
    try:
        with open_file(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        if not os.path.lexists(path):
            raise FileNotFoundError(path) from error
        return TextFile(None, _unreadable(path, error))
    if len(data) > MAX_BYTES:
        return TextFile(None, f"larger than {MAX_BYTES:,} bytes; split it, or move what is not meant for Habitué away")
    return _decoded(data)


def _unreadable(path: Path, error: OSError) -> str:
    if not path.is_symlink():
        return f"cannot be read: {error.strerror}; make it a readable file, or remove it"
    said = "it points to nothing" if isinstance(error, FileNotFoundError) else error.strerror
    return f"the link leads to no readable file: {said}; point it to a file, or remove it"


def _decoded(data: bytes) -> TextFile:
    problem, line = "", 0
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8 text (the byte 0x{data[error.start]:02x}); save the file as UTF-8"
        text = data.decode("utf-8", errors="replace")
    if not problem and (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        problem = "a NUL character, which no text has; save the file as UTF-8, or remove it"
    return TextFile(text.replace("\r\n", "\n"), problem, line)


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ValueError: it is malformed, or nested too deeply.
    """
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    level: list[Any] = [data]
    for _ in range(MAX_LEVELS + 1):
        inner = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in inner if isinstance(part, dict | list)]
    if level:
        raise ValueError(_TOO_DEEP)
    return data


_TOO_DEEP = f"nested too deeply: at most {MAX_LEVELS} levels"
