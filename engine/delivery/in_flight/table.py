"""The messages that this worker has in flight, in a mapped file that outlives the process.

A message is noted before its hand-off is committed, again just before its adapter call begins, and again when the provider
has accepted it. So whoever finds the file of a dead worker knows of each hand-off whether the provider can have seen anything
of it. Nothing is synced: a crash of the process loses none of it, and after a crash of the machine the file is not believed.

The lock on the file says that the worker lives; the kernel releases it when the process ends.
"""

import fcntl
import mmap
import os
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

import structlog

from engine.actions.moves import HasFence
from engine.delivery.in_flight.form import (
    RECEIVED_AT,
    SLOT_SIZE,
    SLOTS_AT,
    STAGE_AT,
    SUFFIX,
    Origin,
    Stage,
    blank,
    received,
    slot,
)
from engine.store.private import create_private, make_private_folder

_ATTEMPTS = 5
"""How often a file is created: between creating and locking it, another worker may take it for a dead worker's."""

_log = structlog.get_logger("habitue.delivery")


class InFlight:
    """Notes messages in flight. Until it is opened, and where it cannot be, it notes nothing: all else goes on as ever.

    Used by two threads: the journal's notes messages before a commit, the event loop notes calls.
    """

    def __init__(self, folder: Path, capacity: int) -> None:
        """Notes up to ``capacity`` messages in a file in ``folder``; when it is full, the oldest is dropped."""
        self._folder = folder
        self._capacity = capacity
        self._file: tuple[Path, int] | None = None
        self._memory: mmap.mmap | None = None
        self._slots: dict[tuple[int, int], int] = {}
        self._free: list[int] = []
        self._recalled: set[tuple[int, int]] = set()
        self._lock = threading.Lock()
        self._tried = False

    def open(self, origin: Origin) -> None:
        """Create the file; a later call does nothing. A folder that cannot be used is logged and is not an error."""
        if self._tried:
            return
        self._tried = True
        try:
            self._file = _create(self._folder, blank(origin, self._capacity))
            self._memory = mmap.mmap(self._file[1], 0)
        except (OSError, ValueError) as error:
            _log.warning("in_flight_not_noted", folder=str(self._folder), why=_why(error))
            self.close()
            return
        self._free = list(range(self._capacity))

    def owns(self, path: Path) -> bool:
        """Tell whether ``path`` is this worker's own file."""
        return self._file is not None and self._file[0] == path

    def waiting(self, claims: Iterable[HasFence]) -> None:
        """Note messages whose hand-off is about to be committed."""
        with self._lock:
            for claim in claims:
                self._note(claim, Stage.WAITING)

    def begun(self, claim: HasFence) -> bool:
        """Note that the adapter call of a message begins now; return False if it must not, because it was recalled."""
        with self._lock:
            if (claim.action_id, claim.fence) in self._recalled:
                return False
            self._note(claim, Stage.BEGUN)
            return True

    def accepted(self, claim: HasFence, adapter: str, reference: str) -> None:
        """Note that the provider has accepted a message, before that is recorded in the store."""
        octets = received(adapter, reference)
        with self._lock:
            number = self._slots.get((claim.action_id, claim.fence))
            if number is not None and self._memory is not None and octets is not None:
                start = SLOTS_AT + number * SLOT_SIZE + RECEIVED_AT
                self._memory[start : start + len(octets)] = octets
                self._memory[_stage_at(number)] = Stage.ACCEPTED

    def recall(self, claim: HasFence) -> bool:
        """Keep a message of this worker from being sent, if its call has not begun; return whether that is certain.

        It stays recalled, so that a transaction that is repeated decides alike.
        """
        key = claim.action_id, claim.fence
        with self._lock:
            number = self._slots.get(key)
            if number is not None and self._memory is not None and self._memory[_stage_at(number)] == Stage.WAITING:
                self._recalled.add(key)
            return key in self._recalled

    def ended(self, claims: Iterable[HasFence]) -> None:
        """Forget messages that are no longer in flight: their answers are recorded, or they never left."""
        with self._lock:
            for claim in claims:
                key = claim.action_id, claim.fence
                self._recalled.discard(key)
                number = self._slots.pop(key, None)
                if number is not None and self._memory is not None:
                    self._memory[_stage_at(number)] = Stage.FREE
                    self._free.append(number)

    def close(self) -> None:
        """Let go of the file; it is left for whoever recovers if messages are still in flight."""
        with self._lock:
            if self._memory is not None:
                self._memory.close()
                self._memory = None
            if self._file is not None:
                path, handle = self._file
                if not self._slots:
                    path.unlink(missing_ok=True)
                os.close(handle)
                self._file = None

    def _note(self, claim: HasFence, stage: Stage) -> None:
        if self._memory is None:
            return
        key = claim.action_id, claim.fence
        number = self._slots.get(key)
        if number is None:
            number = self._slots[key] = self._take_slot(self._memory)
            start = SLOTS_AT + number * SLOT_SIZE
            self._memory[start : start + STAGE_AT] = slot(*key)
        self._memory[_stage_at(number)] = stage  # last: until then the slot is free

    def _take_slot(self, memory: mmap.mmap) -> int:
        if self._free:
            return self._free.pop()
        number = self._slots.pop(next(iter(self._slots)))
        memory[_stage_at(number)] = Stage.FREE
        return number


def _stage_at(number: int) -> int:
    return SLOTS_AT + number * SLOT_SIZE + STAGE_AT


def _create(folder: Path, content: bytes) -> tuple[Path, int]:
    """Create a locked file with this content in ``folder``; return its path and its descriptor.

    Raises:
        OSError: it cannot be created or locked.
    """
    make_private_folder(folder)
    for _ in range(_ATTEMPTS):
        path = folder / f"{secrets.token_hex(8)}{SUFFIX}"
        handle = create_private(path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Written, not only lengthened, so that a full disk is an error here and not at a write into memory.
            os.write(handle, content)
            if os.fstat(handle).st_nlink:
                return path, handle
        except BlockingIOError:
            pass
        except OSError:
            path.unlink(missing_ok=True)
            os.close(handle)
            raise
        os.close(handle)
    raise OSError(0, "other workers remove what is created there")


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
