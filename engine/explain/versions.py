"""The versions of the files that have run, for ``habitue versions``."""

from dataclasses import dataclass

from sqlalchemy import Connection

from engine.changes.files import FileChange, file_changes
from engine.clock import Instant
from engine.content.versions import applied_versions, content_bundle, version_before


@dataclass(frozen=True, slots=True)
class PastVersion:
    """One version of the files."""

    version: str
    running: bool
    applied_at: Instant
    """When it was last made the running one."""
    first_applied_at: Instant
    who: str | None
    """The person who last applied it, as claimed; None if a tick did."""
    before: str | None
    """The version that was running before it was last applied; None if there was none."""
    files: tuple[FileChange, ...]
    """How it differs from the one before."""


def read_versions(connection: Connection, limit: int) -> tuple[PastVersion, ...]:
    """Return the ``limit`` versions that were applied last, newest first."""
    known = applied_versions(connection)
    found = []
    for number, one in enumerate(known[:limit]):
        before, bundle = version_before(known, one), content_bundle(connection, one.version)
        if bundle is None:
            continue
        files = file_changes(content_bundle(connection, before.version) if before else None, bundle)
        found.append(
            PastVersion(
                version=one.version,
                running=number == 0,
                applied_at=one.applied_at,
                first_applied_at=one.first_applied_at,
                who=one.who,
                before=before.version if before else None,
                files=files,
            )
        )
    return tuple(found)
