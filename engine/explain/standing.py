"""Playbooks that are paused by their files, retired, or without a file: how many users and messages each still has.

Counts have limits, so that they cost the same whatever the size of the store; and nothing is counted while there are none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from engine.actions.states import HELD_SQL, WAITING_SQL
from engine.clock import Instant, iso
from engine.content.versions import running_bundle
from engine.explain.health import COUNTED
from engine.explain.pauses import GO_ON_BY_FILE, LOOKED_AT
from engine.playbooks.file.head import OnRetire
from engine.playbooks.file.heads import read_heads
from engine.playbooks.standing import FileState, Heads, NotActive, not_active
from engine.store.paused import PauseOrigin, StandingPause, SubjectScope, standing_pauses, stopped_by_files

_ENROLLED = text(
    "SELECT count(*) FROM (SELECT 1 FROM enrolment WHERE state = 'active' AND playbook = :playbook LIMIT :limit) AS n"
)
_WAITING = (WAITING_SQL, HELD_SQL)


@dataclass(frozen=True, slots=True)
class Counted:
    """A number that was counted up to a limit; ``more``: there may be more."""

    count: int
    more: bool

    def __bool__(self) -> bool:
        return self.count > 0

    def of(self, noun: str, verb: str, verbs: str) -> str:
        """Return it with its noun and verb: ``1 user is``, ``20,000 or more users are``, ``no users are``."""
        if self.count == 1 and not self.more:
            return f"1 {noun} {verb}"
        number = f"{self.count:,}" if self.count else "no"
        return f"{number}{' or more' if self.more else ''} {noun}s {verbs}"


@dataclass(frozen=True, slots=True)
class PlaybookStanding:
    """A playbook that is not simply active, and what there is of it."""

    playbook: str
    state: FileState
    on_retire: OnRetire
    path: str
    """Its file; of a vanished one, where it was."""
    since: Instant | None
    """Since when it is paused by its file, or what it had planned is held; None if neither is so."""
    cancel_at: Instant | None
    """When what it had planned is cancelled; None if it is not, or that does not stand yet."""
    cancelling: bool
    """Whether the next tick cancels it."""
    enrolled: Counted
    """Users who are in it."""
    messages: Counted
    """Messages that wait or are held."""

    @property
    def is_cancelled(self) -> bool:
        """Whether what it had planned is called off."""
        return self.state.calls_off(self.on_retire)

    @property
    def concerns_anybody(self) -> bool:
        """Whether there is anything to know: it is paused, or there are users or messages of it."""
        return self.state is FileState.PAUSED or bool(self.enrolled or self.messages)

    @property
    def counts(self) -> str:
        """How many users and messages there are, in words."""
        return f"{self.enrolled.of('user', 'is', 'are')} still in it, {self.messages.of('message', 'waits', 'wait')}"

    @property
    def message(self) -> str:
        """What there is to say about it."""
        since = "" if self.since is None else f" since {iso(self.since)}"
        said = {
            FileState.PAUSED: "paused by its file",
            FileState.RETIRED: "retired",
            FileState.VANISHED: "its file is gone",
        }
        return f"{said[self.state]}{since}: {self.counts}{self._what_becomes()}"

    @property
    def remedy(self) -> str:
        """What a person can do."""
        cancel = f"`habitue cancel playbook {self.playbook}` ends it now"
        if self.state is FileState.PAUSED:
            return GO_ON_BY_FILE
        if self.on_retire == "finish":
            back = f"put {self.path} back if it vanished by mistake; " if self.state is FileState.VANISHED else ""
            return f"{back}nothing to do if they may go on; {cancel}"
        if self.state is FileState.RETIRED or self.cancelling:
            return f"ticks cancel them; `habitue log --playbook {self.playbook}` lists them"
        return f"put {self.path} back before that, and everything goes on; `habitue apply` has it cancelled at once"

    def _what_becomes(self) -> str:
        if self.state is FileState.PAUSED or not (self.enrolled or self.messages):
            return ""
        if self.on_retire == "finish":
            return "; they go on to its end, and nobody enters"
        if self.state is FileState.RETIRED or self.cancelling:
            return "; the next tick cancels them"
        if self.cancel_at is None:
            return "; ticks hold them for a while before they cancel them, but not after `habitue apply`"
        return f"; all of it is held, and cancelled {iso(self.cancel_at)}"


def read_standings(connection: Connection, heads: Heads, version: str, now: Instant) -> tuple[PlaybookStanding, ...]:
    """Return the playbooks that are not simply active at ``now`` with the files ``version``, whose heads are ``heads``.

    If they do not run yet, that is: as they would be.
    """
    running = running_bundle(connection)
    before = None if running is None or running.version == version else read_heads(running)
    found = not_active(connection, heads, before, stopped_by_files(connection))
    if not found:
        return ()
    pauses = {(one.subject.name, one.origin): one for one in _of_files(connection)}
    messages = _messages(connection)
    return tuple(_standing(one, _enrolled(connection, one.name), messages, pauses, now) for one in found)


def _of_files(connection: Connection) -> list[StandingPause]:
    return [
        one
        for one in standing_pauses(connection)
        if one.subject.scope is SubjectScope.PLAYBOOK and one.origin is not PauseOrigin.PERSON
    ]


def _standing(
    one: NotActive,
    enrolled: Counted,
    messages: tuple[Mapping[str, int], bool],
    pauses: Mapping[tuple[str, PauseOrigin], StandingPause],
    now: Instant,
) -> PlaybookStanding:
    origin = PauseOrigin.FILE if one.state is FileState.PAUSED else PauseOrigin.RETIRED
    pause, (by_playbook, more) = pauses.get((one.name, origin)), messages
    cancel_at = pause.cancel_at if pause else None
    return PlaybookStanding(
        playbook=one.name,
        state=one.state,
        on_retire=one.on_retire,
        path=one.path,
        since=pause.since if pause else None,
        cancel_at=cancel_at,
        cancelling=cancel_at is not None and cancel_at <= now,
        enrolled=enrolled,
        messages=Counted(by_playbook.get(one.name, 0), more),
    )


def _enrolled(connection: Connection, playbook: str) -> Counted:
    count = int(connection.execute(_ENROLLED, {"playbook": playbook, "limit": COUNTED}).scalar_one())
    return Counted(count, count >= COUNTED)


def _messages(connection: Connection) -> tuple[Mapping[str, int], bool]:
    """Return playbook -> messages that wait or are held, and whether there are more than were looked at."""
    counts: dict[str, int] = {}
    more = False
    for condition in _WAITING:
        query = text(
            f"SELECT q.playbook, count(*) FROM (SELECT playbook FROM action WHERE {condition} LIMIT :limit) AS q"
            " GROUP BY q.playbook"
        )
        rows = connection.execute(query, {"limit": LOOKED_AT}).all()
        more = more or sum(row[1] for row in rows) >= LOOKED_AT
        for playbook, count in rows:
            counts[playbook] = counts.get(playbook, 0) + int(count)
    return counts, more
