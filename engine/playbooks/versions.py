"""Versions of playbooks in the store: when each was first applied, and their texts for running enrolments."""

from collections.abc import Mapping

from sqlalchemy import Connection, Table, bindparam, func, select, text
from sqlmodel import SQLModel

from engine.clock import Instant
from engine.content.bundle import Bundle
from engine.playbooks.file.playbook import Playbooks
from engine.store.tables import JsonText, Version

KIND = "playbook"

_RECORD = text(
    "INSERT INTO version (kind, name, hash, files, applied_at, first_applied_at)"
    " VALUES (:kind, :name, :hash, :files, :applied_at, :first_applied_at)"
    " ON CONFLICT (kind, name, hash) DO UPDATE SET applied_at = excluded.applied_at"
).bindparams(bindparam("files", type_=JsonText))


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def record_versions(connection: Connection, playbooks: Playbooks, bundle: Bundle, now: Instant) -> None:
    """Record that these versions run from ``now`` on. A version that ran before keeps its first instant."""
    rows = [
        {
            "kind": KIND,
            "name": playbook.name,
            "hash": playbook.version,
            "files": {playbook.path: bundle.files[playbook.path]},
            "applied_at": now,
            "first_applied_at": now,
        }
        for playbook in playbooks.playbooks
    ]
    if not rows:
        return
    connection.execute(_RECORD, rows)


def activations(connection: Connection) -> Mapping[str, int]:
    """Return playbook -> when any version of it was first applied."""
    table = _table(Version)
    query = (
        select(table.c.name, func.min(table.c.first_applied_at).label("first"))
        .where(table.c.kind == KIND)
        .group_by(table.c.name)
    )
    return {str(row.name): int(row.first) for row in connection.execute(query)}


def last_file(connection: Connection, name: str) -> tuple[str, str] | None:
    """Return path and text of the version of the playbook that was applied last; None if none ever was."""
    table = _table(Version)
    mine = select(table.c.files).where(table.c.kind == KIND, table.c.name == name)
    files = connection.execute(mine.order_by(table.c.applied_at.desc()).limit(1)).scalar()
    return next(iter(files.items()), None) if files else None


def stored_file(connection: Connection, name: str, version: str) -> tuple[str, str] | None:
    """Return path and text of one version; None if the store does not have it."""
    table = _table(Version)
    query = select(table.c.files).where(table.c.kind == KIND, table.c.name == name, table.c.hash == version)
    files = connection.execute(query).scalar_one_or_none()
    return next(iter(files.items()), None) if files else None
