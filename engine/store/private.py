"""Files of the store: readable by this user only, because they hold customers' data."""

import os
from pathlib import Path

_MODE = 0o600


def make_private(path: Path) -> None:
    """Create an empty file that only this user can read; leave an existing one unchanged.

    Raises:
        OSError: it cannot be created.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, _MODE))


def open_lock(path: Path) -> int:
    """Open a file whose content does not matter, created if it is missing, in order to lock it; return its descriptor.

    Raises:
        OSError: it cannot be opened, or ``path`` is a link.
    """
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, _MODE)


def make_private_folder(path: Path) -> None:
    """Create a folder that only this user can look into, with its parents; leave an existing one unchanged.

    Raises:
        OSError: it cannot be created, or ``path`` is something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def create_private(path: Path) -> int:
    """Create a file that only this user can read; return its descriptor for reading and writing.

    Raises:
        OSError: it cannot be created, or exists.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
