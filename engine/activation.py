"""Activating compiled files: creating the tables and columns that they need, and making them the running version."""

from sqlalchemy import Connection

from engine.clock import Instant
from engine.content.bundle import Bundle
from engine.content.versions import lock_versions, record_bundle, running_bundle
from engine.loading import Content
from engine.playbooks.versions import record_versions
from engine.store.database import Database
from engine.store.due import Cause, add_unknown_users
from engine.store.state_table import Drift, follow, migrate, require_columns
from engine.store.sweep import Depth, SweepNeed, open_sweep


def make_ready(database: Database, content: Content) -> Drift:
    """Create the tables, and adapt the columns of ``user_state`` to ``content``; return what had to be changed."""
    migrate(database)

    def work(connection: Connection) -> Drift:
        done = follow(connection, database.dialect, content.columns())
        add_unknown_users(connection)
        return done

    return database.in_transaction(work)


def make_running(database: Database, content: Content, now: Instant) -> bool:
    """Make ``content`` the running version; return whether another version was running before.

    If the rules changed, or a playbook that concerns everybody, everybody becomes due.

    Raises:
        SchemaDrift: the columns of ``user_state`` do not match it yet.
    """

    def work(connection: Connection) -> bool:
        require_columns(connection, database.dialect, content.columns())
        before = running_bundle(connection)
        if before is None or before.version != content.version:
            lock_versions(connection)
            before = running_bundle(connection)
        if before is not None and before.version == content.version:
            return False
        record_bundle(connection, content.bundle, now)
        record_versions(connection, content.playbooks, content.bundle, now)
        if before is None or _concerns_everybody(before, content):
            open_sweep(connection, SweepNeed(Cause.RULES, Depth.FACTS, True), content.version)
        return True

    return database.in_transaction(work)


def _concerns_everybody(before: Bundle, content: Content) -> bool:
    """Tell whether ``content`` may treat even users who did nothing differently from ``before``."""
    files = content.bundle.files
    changed = (p for p in content.playbooks.playbooks if before.files.get(p.path) != files[p.path])
    return before.rules_version != content.bundle.rules_version or any(p.concerns_everybody for p in changed)
