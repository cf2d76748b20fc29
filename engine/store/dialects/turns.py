"""The part of the port for turns: who writes next, if the database lets only one transaction write at a time."""

from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """The queue of writers of one database. This one is for databases that need none."""

    needed: bool = False
    """Whether only one transaction can write at a time."""
    longest: float | None = None
    """How long a transaction of a tick may take even if nobody waits for it yet, in seconds; None for any length."""

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Wait for this thread's turn, and hold it for the length of the block, which is one write transaction.

        Yields whether the turn was waited for. If not (there is no queue, or it does not move), the block goes ahead all
        the same: a queue makes writers take turns, but it is the database that keeps them apart.
        """
        yield False

    def others_wait(self) -> bool:
        """Tell whether another writer waits for this thread, or waited for it when its last turn ended."""
        return False

    def close(self) -> None:
        """Release the resources that waiting needs; a later turn takes them again."""
