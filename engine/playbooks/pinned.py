"""Pinned playbooks: every version that anybody is still enrolled in, compiled against today's facts and rules."""

from sqlalchemy import Connection, text

from engine.conditions.turning import TurningPoint
from engine.playbooks.file.kinds import SHIPPED_KINDS, PlaybookKinds
from engine.playbooks.file.load import compile_stored
from engine.playbooks.file.part import References
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.versions import stored_file


class PinnedPlaybooks:
    """Gives compiled playbooks by name and version."""

    def __init__(self, playbooks: Playbooks, references: References, kinds: PlaybookKinds = SHIPPED_KINDS) -> None:
        """``references`` is what the texts of older versions are compiled against; templates are not checked there."""
        self._references = references
        self._kinds = kinds
        self._known: dict[tuple[str, str], Playbook | None] = {
            (playbook.name, playbook.version): playbook for playbook in playbooks.playbooks
        }

    def get(self, connection: Connection, name: str, version: str) -> Playbook | None:
        """Return the playbook, or None where the store lacks its text or it makes no sense any more."""
        key = (name, version)
        if key not in self._known:
            self._known[key] = self._from_store(connection, name, version)
        return self._known[key]

    def turning_points(self, connection: Connection) -> tuple[TurningPoint, ...]:
        """Return when time alone can let out users who are enrolled, whatever version they entered."""
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
