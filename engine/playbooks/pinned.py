"""Pinned playbooks: every version that users are still enrolled in, compiled with today's facts and rules."""

from sqlalchemy import Connection, text

from engine.conditions.turning import TurningPoint
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
        """Return the playbook, or None if its text is not in the store or no longer compiles."""
        key = (name, version)
        if key not in self._known:
            self._known[key] = self._from_store(connection, name, version)
        return self._known[key]

    def turning_points(self, connection: Connection) -> tuple[TurningPoint, ...]:
        """Return the instants at which time alone can end enrolments, in any version."""
        pinned = connection.execute(
            text("SELECT DISTINCT playbook, version FROM enrolment WHERE state = 'active'")
        ).all()
        read = (self.get(connection, name, version) for name, version in pinned)
        exits = (one.exit_when for one in read if one is not None and one.exit_when is not None)
        return tuple(dict.fromkeys(point for condition in exits for point in condition.turning_points()))

    def _from_store(self, connection: Connection, name: str, version: str) -> Playbook | None:
        file = stored_file(connection, name, version)
        if file is None:
            return None
        return compile_stored(*file, self._references, self._kinds)[0]
