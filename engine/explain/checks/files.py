"""Files that cannot run."""

from collections.abc import Iterator

from engine.explain.checks.base import CheckFinding, Installation, several
from engine.explain.notices import NoticeKind


def files_with_errors(seen: Installation) -> Iterator[CheckFinding]:
    """The files here have errors, or a worker, perhaps on another machine, refused its own."""
    errors = [finding for finding in seen.findings if finding.severity == "error"]
    if errors:
        yield CheckFinding(
            "files",
            f"{several(len(errors), 'error')}, the first: {errors[0]}; the last good version keeps running",
            "`habitue check` shows all of them",
        )
    for worker in seen.alive:
        for notice in worker.notices:
            if notice.kind is NoticeKind.FILES:
                yield CheckFinding(
                    f"worker {worker.name}", notice.message, "on its machine, run `habitue check` and `habitue apply`"
                )


def columns_differ(seen: Installation) -> Iterator[CheckFinding]:
    """The files declare facts or dimensions without columns."""
    if seen.differences:
        yield CheckFinding("columns", seen.differences, "run `habitue migrate`")
