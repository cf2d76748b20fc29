"""Files that a command writes to a path that a person or a default names.

They replace nothing but an earlier file of the same sort, are there complete or not at all, and only this user can read
them, because they may contain customers' data.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engine.errors import InputError
from engine.text_file import kind_of

FileId = tuple[int, int]
"""Device and inode: the same file has the same, whatever its name."""

_BEGINNING = 4_096
"""How many bytes of an existing file are read in order to recognise it."""


def file_id(handle: int) -> FileId:
    """Return which file an open descriptor refers to.

    Raises:
        OSError: the descriptor is not open.
    """
    found = os.fstat(handle)
    return found.st_dev, found.st_ino


@dataclass(frozen=True)
class OutputFile:
    """One file to write: beside its path under another name, then renamed.

    Errors say ``what`` it is and end with the ``remedy``. ``ours`` tells from the first bytes of an existing file
    whether it is of the same sort and may be replaced; an empty file always may.
    """

    path: Path
    what: str
    remedy: str
    ours: Callable[[bytes], bool]

    def check(self, inputs: Collection[FileId] = ()) -> bool:
        """Return whether there is something that writing replaces.

        Raises:
            InputError: the path is one of the ``inputs``, or anything else that must not be replaced.
        """
        try:
            found = self.path.lstat()
            if (found.st_dev, found.st_ino) in inputs or self._linked_to(inputs):
                raise self._refusal("it is the file that is read")
            self._require_file(found)
            if found.st_size and not self.ours(self._beginning()):
                raise self._refusal("another file is already there, and it is left as it is")
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
            raise self._refusal(_reason(error)) from error
        return found.st_size > 0

    @contextmanager
    def writing(self, encoding: str | None = None, errors: str | None = None) -> Iterator[IO[Any]]:
        """Open the file for bytes, or for text in ``encoding``; on leaving, put it in its place unless there was an error.

        Raises:
            InputError: it cannot be written, or its path must not be replaced.
        """
        self.check()
        temporary = None
        try:
            handle, temporary = tempfile.mkstemp(prefix=".habitue-", suffix=".tmp", dir=self.path.parent)
            text = {} if encoding is None else {"encoding": encoding, "errors": errors, "newline": ""}
            with os.fdopen(handle, "wb" if encoding is None else "w", **text) as file:  # type: ignore[call-overload]
                yield file
                file.flush()
                os.fsync(file.fileno())
            self.check()  # it may have appeared meanwhile
            Path(temporary).replace(self.path)
            temporary = None
        except OSError as error:
            raise self._refusal(_reason(error)) from error
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    def _linked_to(self, inputs: Collection[FileId]) -> bool:
        try:
            target = self.path.stat()
        except OSError:
            return False  # a link to nothing: refused as a link
        return (target.st_dev, target.st_ino) in inputs

    def _require_file(self, found: os.stat_result) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise self._refusal("it is a link, and links are not followed")
        if (kind := kind_of(found.st_mode)) is not None:
            raise self._refusal(f"it is {kind}, not a file")
        if found.st_nlink > 1:
            raise self._refusal("it is a link to another file")

    def _beginning(self) -> bytes:
        handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return file.read(_BEGINNING)

    def _refusal(self, why: str) -> InputError:
        return InputError(f"{self.what} cannot be written to {self.path}: {why}; {self.remedy}")


def _reason(error: OSError | ValueError) -> str:
    """Return what is wrong, without the path of the temporary file."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
