"""Finding the files of workers that have died, and what each tells about the messages that the worker had in flight."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.delivery.in_flight.form import SUFFIX, Disbelieved, Entry, Origin, entries_of, origin_of

_LARGEST = 1 << 20
"""Maximum size of a file that is read; one for the most messages in flight is smaller."""

_log = structlog.get_logger("habitue.delivery")


@dataclass(frozen=True, slots=True)
class DeadWorker:
    """A worker that has died, and what it had in flight. Its file is locked until ``close``."""

    path: Path
    handle: int
    entries: Sequence[Entry]

    def close(self, *, done: bool) -> None:
        """Unlock the file; remove it if ``done``."""
        if done:
            self.path.unlink(missing_ok=True)
        os.close(self.handle)


def dead_workers(folder: Path, origin: Origin, own: Callable[[Path], bool]) -> Iterator[DeadWorker]:
    """Yield the dead workers of this store and this boot whose files are in ``folder``; ``own`` tells which to skip.

    A file that another process has locked belongs to a living worker, or is being read by another, and is left alone.
    Files that nobody can believe any more are removed: damaged ones, and those from before the machine was started.
    """
    try:
        paths = sorted(folder.glob(f"*{SUFFIX}"))
    except OSError:
        return
    for path in paths:
        if own(path):
            continue
        handle = _lock(path)
        if handle is None:
            continue
        entries = _read(path, handle, origin)
        if entries is None:
            os.close(handle)
        else:
            yield DeadWorker(path, handle, entries)


def _lock(path: Path) -> int | None:
    """Open and lock a file; return None if its worker lives, or it is gone or cannot be opened."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _read(path: Path, handle: int, origin: Origin) -> Sequence[Entry] | None:
    """Return what a locked file says; None if it says nothing about this store, or is not believed."""
    try:
        if not os.fstat(handle).st_nlink:
            return None  # another worker has dealt with it in the meantime
        octets = os.read(handle, _LARGEST)
        if not octets:  # its worker was about to write it, and will create another
            path.unlink(missing_ok=True)
            return None
        found = origin_of(octets)
        if found.boot != origin.boot:
            path.unlink(missing_ok=True)
            return None
        return entries_of(octets) if found.store == origin.store else None
    except Disbelieved as error:
        _log.warning("in_flight_file_ignored", file=path.name, why=str(error))
    except OSError as error:
        _log.warning("in_flight_file_ignored", file=path.name, why=error.strerror or type(error).__name__)
        return None
    path.unlink(missing_ok=True)
    return None
