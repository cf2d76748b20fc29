"""Which start of the machine this is."""

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str | None:
    """Return an id that is different after every start of the machine; None if this system has none."""
    try:
        return _BOOT_ID.read_text("ascii").strip()[:36] or None
    except (OSError, ValueError):
        return None
