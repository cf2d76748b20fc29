"""Files that hold customers' data: for this user alone, and never written through a link."""

import os
import stat
from pathlib import Path

_MODE = 0o600


def make_private(path: Path) -> None:
    """Make an empty file that only this user can read; leave one that is there.

    Raises:
        OSError: it cannot be made.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, _MODE))


def open_private(path: Path) -> int:
    """Return the descriptor of an empty file for writing that only this user can read, new or emptied.

    Raises:
        OSError: it cannot be written, or ``path`` is a link to another file, or no file.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, _MODE)
    try:
        found = os.fstat(handle)
        if found.st_nlink > 1:
            raise OSError(0, "it is a link to another file")
        if stat.S_ISREG(found.st_mode):
            os.fchmod(handle, _MODE)
            os.ftruncate(handle, 0)
    except OSError:
        os.close(handle)
        raise
    return handle
