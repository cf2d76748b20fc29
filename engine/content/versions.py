"""The running version of the files, and every version that has ever run, as stored in the database."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, column, func, insert, select, text, update

from engine.clock import Instant
from engine.content.bundle import RULES, Bundle
from engine.errors import VersionReplaced
from engine.store.dialects import dialect_of
from engine.store.tables import Version

CONTENT = "content"
"""``version.kind`` of a whole bundle; the one with the newest ``applied_at`` is running."""
_NOT_ALIKE = re.compile(r"[^A-Za-z0-9/.-]+")
"""What databases may write differently in JSON, or may not take literally in LIKE."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The version that was running before files were read. They are applied over no other, because they may be older."""

    version: str | None
    """None if none had ever run."""


def hold_version(connection: Connection, version: str) -> None:
    """Keep ``version`` running until this transaction ends: whoever applies another waits. Any number hold it at a time.

    Call it first in a transaction, before any row is locked: who applies files locks rows after the versions.

    Raises:
        VersionReplaced: another version is running.
    """
    dialect_of(connection).share_table(connection, "version")
    running = running_version(connection)
    if running != version:
        raise VersionReplaced(f"version {version} of the files is not running any more: version {running} was applied")


def running_bundle(connection: Connection) -> Bundle | None:
    """Return the bundle that was last applied; None in a new database."""
    files = connection.execute(
        select(Version.files)  # type: ignore[call-overload]
        .where(Version.kind == CONTENT)
        .order_by(Version.applied_at.desc())  # type: ignore[attr-defined]
        .limit(1)
    ).scalar()
    return Bundle(files) if files is not None else None


def running_version(connection: Connection) -> str | None:
    """Return the hash of the bundle that was last applied; None in a new database."""
    found: str | None = connection.execute(
        select(column("hash"))
        .select_from(Version)
        .where(Version.kind == CONTENT)  # type: ignore[arg-type]
        .order_by(Version.applied_at.desc())  # type: ignore[attr-defined]
        .limit(1)
    ).scalar()
    return found


def content_bundles(connection: Connection) -> Iterator[Bundle]:
    """Yield every bundle that was ever applied, newest first."""
    query = text("SELECT hash FROM version WHERE kind = :kind ORDER BY applied_at DESC")
    for version in connection.execute(query, {"kind": CONTENT}).scalars().all():
        if (bundle := content_bundle(connection, version)) is not None:
            yield bundle


def bundles_with(connection: Connection, beginning: str) -> Iterator[Bundle]:
    """Yield every bundle that was ever applied and has a file whose path begins with ``beginning``, newest first.

    The database leaves out the others, so that not all texts of all versions are transferred to find one of them.
    """
    alike = _NOT_ALIKE.sub("%", beginning)
    query = text(
        "SELECT hash FROM version WHERE kind = :kind AND CAST(files AS TEXT) LIKE :alike ORDER BY applied_at DESC"
    )
    for version in connection.execute(query, {"kind": CONTENT, "alike": f'%"{alike}%'}).scalars().all():
        bundle = content_bundle(connection, version)
        if bundle is not None and any(path.startswith(beginning) for path in bundle.files):
            yield bundle


def content_bundle(connection: Connection, version: str) -> Bundle | None:
    """Return the files of one version; None if it has never run here."""
    files = connection.execute(
        select(Version.files).where(Version.kind == CONTENT, Version.hash == version)  # type: ignore[call-overload]
    ).scalar()
    return Bundle(files) if files is not None else None


@dataclass(frozen=True, slots=True)
class AppliedVersion:
    """One version that has run here."""

    version: str
    applied_at: Instant
    """When it was last made the running one."""
    first_applied_at: Instant
    who: str | None
    """The person who last applied it, as claimed; None if a tick did."""


def applied_versions(connection: Connection) -> list[AppliedVersion]:
    """Return every version that has ever run here, newest first: the first is running."""
    query = text(
        "SELECT hash, applied_at, first_applied_at, who FROM version WHERE kind = :kind ORDER BY applied_at DESC"
    )
    rows = connection.execute(query, {"kind": CONTENT})
    return [AppliedVersion(one.hash, Instant(one.applied_at), Instant(one.first_applied_at), one.who) for one in rows]


def version_before(versions: list[AppliedVersion], one: AppliedVersion) -> AppliedVersion | None:
    """Return the version that ran when ``one`` was last applied, of ``versions``; None if it was the first.

    Of a version that was applied several times only the first and the last instant are known.
    """
    earlier = [
        (at, other)
        for other in versions
        for at in (other.applied_at, other.first_applied_at)
        if other is not one and at < one.applied_at
    ]
    return max(earlier, key=lambda found: found[0])[1] if earlier else None


def rules_files(connection: Connection, rules_version: str) -> Bundle | None:
    """Return the files under ``rules/`` of one rules version; None if it has never run here."""
    files = connection.execute(
        select(Version.files).where(Version.kind == RULES, Version.hash == rules_version)  # type: ignore[call-overload]
    ).scalar()
    return Bundle(files) if files is not None else None


def record_bundle(connection: Connection, bundle: Bundle, now: Instant, who: str | None = None) -> None:
    """Make ``bundle`` the running version, later than any that was applied at the same instant.

    ``who`` is the person who applies it; None if no person does.
    """
    last = connection.execute(select(func.max(Version.applied_at)).where(Version.kind == CONTENT)).scalar()  # type: ignore[arg-type]
    now = Instant(max(now, last + 1)) if last is not None else now
    _record(connection, CONTENT, bundle.version, dict(bundle.files), now, who=who)
    _record(connection, RULES, bundle.rules_version, bundle.under(RULES), now, who=who)


def _record(
    connection: Connection, kind: str, digest: str, files: dict[str, str], now: Instant, *, who: str | None
) -> None:
    known = connection.execute(
        update(Version)
        .where(Version.kind == kind, Version.name == "", Version.hash == digest)  # type: ignore[arg-type]
        .values(applied_at=now, who=who)
    )
    if not known.rowcount:
        row = {"kind": kind, "name": "", "hash": digest, "files": files, "who": who}
        connection.execute(insert(Version).values({**row, "applied_at": now, "first_applied_at": now}))


def redate_versions(connection: Connection, since: Instant, applied: Mapping[int, int]) -> int:
    """Date what was applied later than ``since``, by a clock that was ahead, back; the order stays. Return how many versions.

    ``applied`` maps such instants to the real ones as far as they are known; nothing is dated later than its neighbours allow.
    """
    rows = connection.execute(
        text(
            "SELECT kind, name, hash, applied_at, first_applied_at FROM version"
            " WHERE applied_at > :since OR first_applied_at > :since"
        ),
        {"since": since},
    ).all()
    last = connection.scalar(text("SELECT max(applied_at) FROM version WHERE applied_at <= :since"), {"since": since})
    real: dict[int, int] = {}
    for at in sorted({at for row in rows for at in (row.applied_at, row.first_applied_at) if at > since}):
        last = max(min(applied.get(at, since), since), -1 if last is None else last + 1)
        real[at] = last
    for row in rows:
        redating = text(
            "UPDATE version SET applied_at = :applied_at, first_applied_at = :first"
            " WHERE kind = :kind AND name = :name AND hash = :hash"
        )
        first, applied_at = (real.get(at, at) for at in (row.first_applied_at, row.applied_at))
        connection.execute(
            redating,
            {"applied_at": applied_at, "first": first, "kind": row.kind, "name": row.name, "hash": row.hash},
        )
    return len(rows)
