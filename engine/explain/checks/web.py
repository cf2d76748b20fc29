"""A web door that does not answer, so that providers' reports have to wait."""

from collections.abc import Iterator

from engine.explain.checks.base import CheckFinding, Installation
from engine.explain.notices import NoticeKind


def web_closed(seen: Installation) -> Iterator[CheckFinding]:
    """A worker cannot listen, or requests fail because of a bug."""
    for worker in seen.alive:
        for notice in worker.notices:
            if notice.kind is NoticeKind.WEB:
                yield CheckFinding(
                    f"worker {worker.name}",
                    notice.message,
                    "check `[web]` in config.toml, or report the bug; sending goes on, and providers repeat their reports",
                    notice.about,
                )
