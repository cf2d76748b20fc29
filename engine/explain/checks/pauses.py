"""What people have paused: deliberate, but nothing of it leaves until somebody lets it go on."""

from collections.abc import Iterator

from engine.explain.checks.base import CheckFinding, Installation


def paused(seen: Installation) -> Iterator[CheckFinding]:
    """A person has paused something."""
    for one in seen.pauses:
        yield CheckFinding(one.subject, one.message, one.remedy)
