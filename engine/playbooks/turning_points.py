"""The instants at which time alone can let users into playbooks, or end their enrolments in any version."""

from collections.abc import Iterable

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.turning import TurningPoint
from engine.playbooks.breakers import (
    PartKind,
    PlaybookAtFault,
    PlaybookBreakers,
    PlaybookPart,
    attribute_bugs_to,
    part_of,
)
from engine.playbooks.file.playbook import Playbooks
from engine.playbooks.pinned import PinnedPlaybooks


class PlaybookTurningPoints:
    """Collects the turning points of present and pinned playbooks.

    A bug in a kind's code pauses entry into the present version, or exits from the pinned one; its turning points are
    collected when the pause is over. Until then it lets nobody in, and its users are due at every tick.
    """

    def __init__(self, playbooks: Playbooks, pinned: PinnedPlaybooks, breakers: PlaybookBreakers) -> None:
        self._playbooks = playbooks
        self._pinned = pinned
        self._breakers = breakers
        self._missing: list[PlaybookPart] | None = None
        """What is still to be read; None before the first time."""
        self._points: dict[TurningPoint, None] = {}

    @property
    def found(self) -> tuple[TurningPoint, ...]:
        """What has been collected so far."""
        return tuple(self._points)

    def collect(self, connection: Connection, now: Instant) -> bool:
        """Read what is missing and not paused at ``now``; return whether ``found`` has changed."""
        if self._missing is None:
            # Those of new enrolments are the present versions'.
            present = [part_of(playbook, PartKind.ENTRY) for playbook in self._playbooks.open]
            running = [PlaybookPart(*one, PartKind.EXITS) for one in self._pinned.running(connection)]
            self._missing = present + running
        before = len(self._points)
        self._missing = [part for part in self._missing if not self._collect_of(part, connection, now)]
        return len(self._points) > before

    def _collect_of(self, part: PlaybookPart, connection: Connection, now: Instant) -> bool:
        """Read one part; return False if it is paused, or if its code has a bug, for which it is then paused."""
        if self._breakers.paused(part, now):
            return False
        try:
            with attribute_bugs_to(part, connection):
                self._points |= dict.fromkeys(self._read(part, connection))
        except PlaybookAtFault as fault:
            self._breakers.fail(fault, now)
            return False
        return True

    def _read(self, part: PlaybookPart, connection: Connection) -> Iterable[TurningPoint]:
        playbook = self._pinned.get(connection, part.name, part.version)
        if playbook is None:
            return ()
        if part.part is PartKind.ENTRY:
            return playbook.turning_points()
        return () if playbook.exit_when is None else playbook.exit_when.turning_points()
