"""A disk that is nearly full."""

from collections.abc import Iterator

from engine.explain.checks.base import CheckFinding, Installation

MEGABYTE = 1_000_000


def disk_nearly_full(seen: Installation) -> Iterator[CheckFinding]:
    """The store's volume has less space than ``status.free_disk_mb``."""
    disk = seen.disk
    if disk is not None and disk.free < seen.limits.free_disk_mb * MEGABYTE:
        yield CheckFinding(
            "disk",
            f"{disk.free // MEGABYTE:,} MB of {disk.total // MEGABYTE:,} MB are free where the store is ({disk.folder}),"
            f" less than {seen.limits.free_disk_mb:,} MB",
            "free some space, or move the store: nothing is sent or recorded once the disk is full",
        )
