"""The content that a worker runs: the current files, or the last good version while they cannot be used.

With ``content.apply = "manual"`` it is the version that was last applied, and the files do not matter.
"""

from typing import Protocol

import structlog

from engine.app import App, ContentReading
from engine.content.bundle import Bundle
from engine.errors import ContentError, HabitueError, SchemaDrift
from engine.loading import Content
from engine.store.state_table import require_columns

_log = structlog.get_logger("habitue.worker")


class RunningContent(Protocol):
    """What a worker runs. Used by one thread at a time; any thread may read ``current`` and ``message``."""

    message: str | None
    """What keeps the current files from running, in a sentence; None if nothing does."""

    @property
    def current(self) -> Content | None:
        """The content that was returned last; None before the first time."""
        ...

    def refresh(self) -> ContentReading:
        """Return the content to run now.

        Raises:
            HabitueError: there is none.
            StoreError: the store cannot be used.
        """
        ...


def watch_content(app: App) -> RunningContent:
    """Return what finds the content to run, as ``content.apply`` says."""
    return ContentWatch(app) if app.settings.content.apply == "auto" else AppliedContent(app)


class AppliedContent:
    """The version that was last applied, whatever the files say."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._reading: ContentReading | None = None
        self.message: str | None = None

    @property
    def current(self) -> Content | None:
        """The version that was found last; None before the first time."""
        return self._reading.content if self._reading else None

    def refresh(self) -> ContentReading:
        """Return the version that is applied now.

        Raises:
            HabitueError: none ever was, or this version of Habitué cannot read it.
            StoreError: the store cannot be used.
        """
        if self._reading is None or self._reading.seen != self._app.seen():
            self._reading = self._read()
            _log.info("content replaced", version=self._reading.content.version)
        return self._reading

    def _read(self) -> ContentReading:
        try:
            return self._app.read()
        except ContentError as error:
            said = f"the version that was applied cannot be read by this version of Habitué: {error.findings[0]}"
            raise HabitueError(said) from error


class ContentWatch:
    """Reads the files when they change, and holds the running content.

    Used by one thread at a time; any thread may read ``current``.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._checked: Bundle | None = None
        """The files that were read last, usable or not."""
        self._waiting: Content | None = None
        """Valid files whose columns do not exist yet."""
        self._ran = ""
        """The last version of ours that was the running one in the store."""
        self.current: Content | None = None
        self.message: str | None = None
        """Why the current files are not running, in a sentence; None if they are."""

    def refresh(self) -> ContentReading:
        """Return the content to run now: the current files, if they are valid and the columns match them.

        Raises:
            HabitueError: the files cannot be used, and no good version has ever run in this store.
            StoreError: the store cannot be used.
        """
        seen = self._app.seen()  # first: whoever applies files that are newer than ours does so later
        bundle = self._bundle()
        if bundle is not None and bundle != self._checked:
            self._read(bundle)
        if self._waiting is not None:
            self._run_if_columns_match(self._waiting)
        if self.current is None:
            self.current = self._last_good()
        return ContentReading(self._unless_replaced(self.current, seen.version), seen)

    def _unless_replaced(self, content: Content, running: str | None) -> Content:
        """Return ``content``, or the version ``running`` if another worker applied it after ours: the latest change wins.

        Otherwise two workers with different files would replace each other's version on every tick.
        """
        if running == content.version:
            self._ran = running
        elif running is not None and self._ran == content.version:
            self.current = content = self._last_good()
            self._ran = content.version
            self._refuse(
                f"version {running} was applied from elsewhere after these files (version {self._version}) and is now"
                " running; make the folders identical, or change a file here to apply these again"
            )
        return content

    @property
    def _version(self) -> str:
        return self._checked.version if self._checked else ""

    def _bundle(self) -> Bundle | None:
        """Return the files; None if one of their folders is missing, as it may be while another takes its place."""
        try:
            return self._app.bundle()
        except HabitueError as error:
            self._checked = None
            self._refuse(str(error))
            return None

    def _read(self, bundle: Bundle) -> None:
        """Compile the files, unless they are running already."""
        self._waiting = None
        try:
            if self.current is not None and bundle == self.current.bundle:
                self.message = None
            else:
                self._waiting = self._app.load(bundle)
        except ContentError as error:
            number = len(error.findings)
            self._refuse(f"the files have {number} error{'s' if number > 1 else ''}, the first: {error.findings[0]}")
        self._checked = bundle

    def _run_if_columns_match(self, content: Content) -> None:
        """Run ``content`` if the columns match it; otherwise it waits for ``habitue migrate``."""
        try:
            self._require_columns(content)
        except SchemaDrift as error:
            self._refuse(str(error))
            return
        if self.current is not None or self.message is not None:
            _log.info("content replaced", version=content.version)
        self.current, self.message, self._waiting = content, None, None

    def _require_columns(self, content: Content) -> None:
        with self._app.database.read() as connection:
            require_columns(connection, self._app.database.dialect, content.columns())

    def _refuse(self, why: str) -> None:
        if why != self.message:
            _log.error("files refused", why=why, running=self.current.version if self.current else None)
        self.message = why

    def _last_good(self) -> Content:
        try:
            content = self._app.last_good()
        except ContentError as error:
            raise HabitueError(
                f"{self.message}; and the version that ran last cannot be read by this version of Habitué:"
                f" {error.findings[0]}"
            ) from error
        if content is None and self._waiting is not None:
            raise SchemaDrift(str(self.message))
        if content is None:
            raise HabitueError(f"{self.message}; no good version has ever run in this store; see `habitue check`")
        self._require_columns(content)
        _log.warning("running the last good version", version=content.version)
        return content
