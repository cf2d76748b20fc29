"""Pinned playbooks: every version that users are still enrolled in, compiled with today's facts and rules."""

from sqlalchemy import Connection, text

from engine.playbooks.file.kinds import SHIPPED_KINDS, PlaybookKinds
from engine.playbooks.file.load import compile_stored
from engine.playbooks.file.part import References
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.versions import stored_file


class PinnedPlaybooks:
    """Returns compiled playbooks by name and version."""

    def __init__(self, playbooks: Playbooks, references: References, kinds: PlaybookKinds = SHIPPED_KINDS) -> None:
        """``references`` are used to compile older versions; templates are not checked for those."""
        self._references = references
        self._kinds = kinds
        self._known: dict[tuple[str, str], Playbook | None] = {
            (playbook.name, playbook.version): playbook for playbook in playbooks.playbooks
        }

    def get(self, connection: Connection, name: str, version: str) -> Playbook | None:
        """Return the playbook, or None if its text is not in the store or no longer compiles.

        Raises:
            Exception: a kind's code has a bug. The next call compiles the playbook again.
        """
        key = (name, version)
        if key not in self._known:
            self._known[key] = self._from_store(connection, name, version)
        return self._known[key]

    def running(self, connection: Connection) -> list[tuple[str, str]]:
        """Return name and version of every playbook that has active enrolments."""
        query = text("SELECT DISTINCT playbook, version FROM enrolment WHERE state = 'active'")
        return [(name, version) for name, version in connection.execute(query)]

    def _from_store(self, connection: Connection, name: str, version: str) -> Playbook | None:
        file = stored_file(connection, name, version)
        if file is None:
            return None
        return compile_stored(*file, self._references, self._kinds)[0]
