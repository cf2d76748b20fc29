"""Turns at writing to a SQLite file, between threads and processes.

SQLite has one writer, and those who wait for it try again after pauses of up to 100 ms. So whoever writes one transaction
after the other, as a tick does, is nearly always first again, and cannot know that somebody waits.

Two files beside the database are locked in turn. Whoever wants to write locks ``-next``, then ``-writing``, then unlocks
``-next``, and unlocks ``-writing`` after its transaction. Who has just written therefore queues behind whoever waits, and
somebody waits if ``-next`` is locked. The operating system unlocks the files of a process that dies.

SQLite's own lock still keeps writers apart: other programs do not queue, and some file systems have no such locks.
"""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.store.dialects.turns import Turns
from engine.store.private import open_lock

PATIENCE = 30.0
"""Seconds to wait for a turn before going ahead without one."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.002
"""Seconds between two attempts to lock a file; a lock cannot be waited for with a time limit."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the queue: both files, opened for one turn at a time. Locks belong to open files, not to processes."""

    next: int
    writing: int

    @staticmethod
    def open(database: Path) -> "_Place":
        following = open_lock(database.with_name(f"{database.name}-next"))
        try:
            return _Place(following, open_lock(database.with_name(f"{database.name}-writing")))
        except OSError:
            os.close(following)
            raise

    def take(self, patience: float) -> bool:
        """Queue up and wait; return False, with nothing locked, if the turn has not come within ``patience`` seconds."""
        until = time.monotonic() + patience
        if not _wait(self.next, until):
            return False
        try:
            return _wait(self.writing, until)
        finally:
            _unlock(self.next)

    def someone_waits(self) -> bool:
        """Tell whether another place is next."""
        if not _lock(self.next):
            return True
        _unlock(self.next)
        return False

    def leave(self) -> None:
        """End the turn."""
        _unlock(self.writing)

    def close(self) -> None:
        """Close both files, which unlocks them."""
        os.close(self.next)
        os.close(self.writing)


class _Mine(threading.local):
    """What a thread knows of its own turn."""

    place: _Place | None = None
    """Its place while it has the turn."""
    waited_for: bool = False
    """Whether somebody waited when its last turn ended."""


class SqliteTurns(Turns):
    """Turns at writing to one database file."""

    needed = True
    longest = 0.2
    """A single event is then stored within a quarter of a second, even if it is the first that comes."""

    def __init__(self, database: Path, patience: float = PATIENCE) -> None:
        self._database = database
        self._patience = patience
        self._free: deque[_Place] = deque()
        self._mine = _Mine()
        self._process = os.getpid()

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """See the port. A turn inside another of the same thread is not waited for: it would wait for itself."""
        place = self._place() if self._mine.place is None else None
        if place is None:
            yield False
            return
        try:
            yield self._enter(place)
        finally:
            self._leave(place)

    def others_wait(self) -> bool:
        """See the port."""
        place = self._mine.place
        return self._mine.waited_for if place is None else place.someone_waits()

    def close(self) -> None:
        """Close the files that no turn has open."""
        while self._free:
            self._free.pop().close()

    def _place(self) -> _Place | None:
        """Return a free place; None if files cannot be opened beside the database, in a read-only folder for example."""
        if self._process != os.getpid():
            # After a fork parent and child have the same open files, so neither would wait for the other.
            self.close()
            self._process = os.getpid()
        try:
            return self._free.pop() if self._free else _Place.open(Path(os.path.realpath(self._database)))
        except OSError:
            return None

    def _enter(self, place: _Place) -> bool:
        try:
            taken = place.take(self._patience)
        except OSError:  # this file system has no locks
            return False
        self._mine.place = place if taken else None
        return taken

    def _leave(self, place: _Place) -> None:
        if self._mine.place is not place:
            place.close()  # it never got its turn, and may have been interrupted half-way
            return
        self._mine.place = None
        try:
            self._mine.waited_for = place.someone_waits()
        finally:
            place.leave()
            self._free.append(place)


def _lock(file: int) -> bool:
    """Lock an open file; return False if another has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)


def _wait(file: int, until: float) -> bool:
    """Lock an open file as soon as nobody else has it; return False if that is not before ``until``, in monotonic time."""
    pause = _FIRST_PAUSE
    while not _lock(file):
        if time.monotonic() >= until:
            return False
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return True
