"""The content that a worker runs: the files as they are, or the last good version while they cannot be used."""

import structlog

from engine.app import App
from engine.content.bundle import Bundle
from engine.content.versions import running_version
from engine.errors import ContentError, HabitueError, SchemaDrift
from engine.loading import Content
from engine.store.state_table import require_columns

_log = structlog.get_logger("habitue.worker")


class ContentWatch:
    """Looks at the files, and keeps what runs. Used by one thread at a time; ``current`` may be read by any."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._checked = ""
        """Version of the files that were read last, whether they can be used or not."""
        self._waiting: Content | None = None
        """Good files whose columns are not there yet."""
        self._ran = ""
        """The last version of ours that was seen running in the store."""
        self.current: Content | None = None
        self.message: str | None = None
        """Why the files as they are do not run, in a sentence; None where they do."""

    def refresh(self) -> Content:
        """Return the content to run now: the files, where they are good and the columns follow them.

        Raises:
            HabitueError: the files cannot be used, and no good version ever ran in this store.
            StoreError: the store cannot be used.
        """
        bundle = self._app.bundle()
        if bundle.version != self._checked:
            self._read(bundle)
        if self._waiting is not None:
            self._try(self._waiting)
        if self.current is None:
            self.current = self._last_good()
        return self._unless_replaced(self.current)

    def _unless_replaced(self, content: Content) -> Content:
        """Return ``content``, or what was applied after it from elsewhere: the files that changed last run.

        Otherwise two workers with different files would replace each other's version at every tick.
        """
        with self._app.database.read() as connection:
            running = running_version(connection)
        if running == content.version:
            self._ran = running
        elif running is not None and self._ran == content.version:
            self.current = content = self._last_good()
            self._ran = running
            self._refuse(
                f"version {running} was applied from elsewhere after these files (version {self._checked}) and runs"
                " now; make the folders equal, or change a file here to apply these again"
            )
        return content

    def _read(self, bundle: Bundle) -> None:
        """Compile the files, where they are not what runs already."""
        self._waiting = None
        try:
            if self.current is not None and bundle.version == self.current.version:
                self.message = None
            else:
                self._waiting = self._app.load(bundle)
        except ContentError as error:
            number = len(error.findings)
            self._refuse(f"the files have {number} error{'s' if number > 1 else ''}, the first: {error.findings[0]}")
        self._checked = bundle.version

    def _try(self, content: Content) -> None:
        """Let ``content`` run if the columns follow it; otherwise it waits for ``habitue migrate``."""
        try:
            self._follows(content)
        except SchemaDrift as error:
            self._refuse(str(error))
            return
        if self.current is not None or self.message is not None:
            _log.info("content replaced", version=content.version)
        self.current, self.message, self._waiting = content, None, None

    def _follows(self, content: Content) -> None:
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
            raise HabitueError(f"{self.message}; no good version ever ran in this store: see `habitue check`")
        self._follows(content)
        _log.warning("last good version runs", version=content.version)
        return content
