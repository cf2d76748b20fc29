"""Activating compiled files: creating the tables and columns that they need, and making them the running version.

Whoever makes a version the running one locks ``version`` before anything else: see ``hold_version``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.changes.compiled import EVERYTHING, CompiledChanges, compiled_changes
from engine.changes.files import FileChange, file_changes
from engine.clock import Instant
from engine.content.bundle import Bundle
from engine.content.versions import Seen, content_bundle, hold_version, record_bundle, running_version
from engine.errors import VersionReplaced
from engine.loading import Content
from engine.playbooks.file.heads import heads_of, read_heads
from engine.playbooks.retiring import Files, follow_files
from engine.playbooks.versions import activations, record_versions
from engine.store.database import Database
from engine.store.due import Cause, add_unknown_users
from engine.store.state_table import Drift, drift, follow, migrate, require_columns
from engine.store.sweep import SweepDepth, SweepNeed, open_sweep, wait_for_chunks

Compile = Callable[[Bundle], Content | None]
"""Compiles a version that ran before; returns None if this program can no longer read it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A version of the files that is to become the running one."""

    content: Content
    seen: Seen | None = None
    """The version over which it may be applied; if None, whichever runs."""
    columns: bool = False
    """Whether the columns of ``user_state`` are adapted to it; otherwise they have to match."""
    who: str | None = None
    """The person who applies it; None if a tick does."""
    hold_vanished: int = 0
    """How many milliseconds what a vanished playbook had planned is held before it is cancelled."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What making a version the running one changes."""

    version: str
    before: str | None
    """The version that was running; None if none ever was."""
    files: tuple[FileChange, ...]
    compiled: CompiledChanges | None
    """None if there was no version before, or this program cannot read it."""
    columns: Drift
    sweep: SweepNeed | None
    """The sweep that it opens; None if nobody who was ever evaluated has to be evaluated again."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why everybody who was ever evaluated has to be evaluated again, in words; empty if nobody has to."""
        if self.compiled is not None:
            found = self.compiled.reasons
        elif self.before is None:
            found = ("it is the first version",)
        else:
            found = (f"this version of Habitué cannot read version {self.before}",)
        coming = ", ".join(column.name for column in self.columns.coming)
        return (*found, f"columns are new or come back: {coming}") if coming else found


def make_ready(database: Database, content: Content | None) -> Drift:
    """Create the tables, and adapt the columns of ``user_state`` to ``content``; return what had to be changed.

    Without ``content``, the columns stay as they are.
    """
    migrate(database)

    def work(connection: Connection) -> Drift:
        wait_for_chunks(connection)
        add_unknown_users(connection)
        if content is None:
            return Drift()
        done = follow(connection, database.dialect, content.columns())
        if (need := _need_of_columns(done)) and _anybody_evaluated(connection):
            open_sweep(connection, need, running_version(connection) or content.version)
        return done

    return database.in_transaction(work)


def make_running(database: Database, wish: Wish, now: Instant, compiled: Compile) -> Activation | None:
    """Make a version the running one, and open the sweep that it needs; return None if it is running already.

    Raises:
        SchemaDrift: the columns of ``user_state`` do not match it.
        VersionReplaced: another version has been applied since its files were read.
    """
    comparison = _compare(database, wish, compiled)
    if comparison is None:
        if wish.columns:
            _follow_running(database, wish, now)
        return None
    content, before = wish.content, comparison.before

    def work(connection: Connection) -> Activation | None:
        wait_for_chunks(connection)
        running = running_version(connection)
        if running == content.version != before:  # another process was quicker
            if wish.columns:
                follow_files(connection, _running_files(wish), now)
            return None
        _require_seen(Seen(before), running, content)
        columns = follow(connection, database.dialect, content.columns()) if wish.columns else Drift()
        require_columns(connection, database.dialect, content.columns())
        if running != content.version:
            record_bundle(connection, content.bundle, now, wish.who)
            record_versions(connection, content.playbooks, content.bundle, now)
        done = comparison.activation(connection, columns)
        if done.sweep:
            open_sweep(connection, done.sweep, content.version)
        files = Files(heads_of(content.playbooks), read_heads(comparison.bundle or Bundle({})), wish.hold_vanished)
        follow_files(connection, files, now)
        return done

    return database.in_transaction(work)


def _follow_running(database: Database, wish: Wish, now: Instant) -> None:
    """Let a person who applies the running version again cancel what is only held so far."""
    files = _running_files(wish)

    def work(connection: Connection) -> None:
        hold_version(connection, wish.content.version)
        follow_files(connection, files, now)

    database.in_transaction(work)


def _running_files(wish: Wish) -> Files:
    return Files(heads_of(wish.content.playbooks), None, wish.hold_vanished)


def planned(database: Database, wish: Wish, compiled: Compile) -> Activation | None:
    """Return what ``make_running`` would do now, without doing it; None if the version is running already.

    Raises:
        SchemaDrift: as there.
        VersionReplaced: as there.
    """
    comparison = _compare(database, wish, compiled)
    if comparison is None:
        return None
    with database.read() as connection:
        return comparison.activation(connection, drift(connection, database.dialect, wish.content.columns()))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A version compared with the one that is running. It is made before anything is locked, because that takes a while."""

    version: str
    before: str | None
    bundle: Bundle | None
    """The files of the version before."""
    files: tuple[FileChange, ...]
    compiled: CompiledChanges | None

    def activation(self, connection: Connection, columns: Drift) -> Activation:
        """Return what activating the version changes, if ``columns`` are adapted, too."""
        need = _together(self.compiled.need if self.compiled else EVERYTHING, _need_of_columns(columns))
        sweep = need if _anybody_evaluated(connection) else None
        return Activation(self.version, self.before, self.files, self.compiled, columns, sweep)


def _compare(database: Database, wish: Wish, compiled: Compile) -> _Comparison | None:
    """Return the comparison, or None if the version is running already and its columns are there."""
    content = wish.content
    with database.read() as connection:
        columns = drift(connection, database.dialect, content.columns())
        if not wish.columns:
            require_columns(connection, database.dialect, content.columns())
        running = running_version(connection)
        if running == content.version and not columns:
            return None
        before = None if running is None else content_bundle(connection, running)
        applied = activations(connection)
    if wish.seen is not None and running != content.version:
        _require_seen(wish.seen, running, content)
    old = compiled(before) if before else None
    changes = compiled_changes(old, content, database.dialect, applied) if old else None
    return _Comparison(content.version, running, before, file_changes(before, content.bundle), changes)


def _require_seen(seen: Seen, running: str | None, content: Content) -> None:
    if running != seen.version:
        raise VersionReplaced(
            f"version {running} was applied after these files (version {content.version}) had been read, so they may be"
            " older"
        )


def _need_of_columns(columns: Drift) -> SweepNeed | None:
    """Return the sweep that fills columns that are new or come back, whatever wrote and read them before."""
    if not columns.coming:
        return None
    facts = any(column.name.startswith("fact_") for column in columns.coming)
    return SweepNeed(Cause.RULES, SweepDepth.FACTS if facts else SweepDepth.PLACES, everybody=True)


def _together(one: SweepNeed | None, other: SweepNeed | None) -> SweepNeed | None:
    return one.with_(other) if one and other else one or other


def _anybody_evaluated(connection: Connection) -> bool:
    """Tell whether any user was ever evaluated. The others are due at once anyway, by whichever version runs."""
    found = connection.execute(text("SELECT 1 FROM user_due WHERE evaluated_at IS NOT NULL LIMIT 1"))
    return found.first() is not None
