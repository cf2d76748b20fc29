"""Exits from playbooks, and events that steps wait for, for the users in ``due_user``.

It runs before steps are advanced, so a user who leaves the playbook in the same tick gets no more messages.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from engine.actions.ledger import cancel_unsent
from engine.actions.reasons import LedgerReason
from engine.actions.states import MAY_LEAVE_SQL
from engine.clock import Instant
from engine.playbooks.breakers import PartKind, PlaybookBreakers, PlaybookPart, attribute_bugs_to, part_of
from engine.playbooks.file.playbook import Playbook
from engine.playbooks.pinned import PinnedPlaybooks
from engine.playbooks.reasons import PlaybookReason
from engine.store.dialects import Dialect
from engine.store.due import due_again
from engine.store.statement import quoted, statement
from engine.store.temporary import DUE_USER, analyse, drop_temporary, temporary

_LEAVABLE = "leavable"
"""The enrolments that can be exited: ``leavable(id, user_id, playbook, version, ended)``."""
_CHANGING = "changing"
"""Those of them that change: ``changing(id)``. Only for locking."""
# After the last step, an enrolment can still be exited while one of its messages waits, for example for quiet hours.
_OPEN = (
    f"(n.state = 'active' OR n.state IN ('finished', 'exited') AND n.reason NOT IN ('{PlaybookReason.EXIT_EVENT}',"
    f" '{PlaybookReason.EXIT_CONDITION}') AND EXISTS (SELECT 1 FROM action AS a WHERE a.enrolment_id = n.id"
    f" AND a.{MAY_LEAVE_SQL}))"
)


class ExitsAndWaits:
    """Ends enrolments whose exit holds, and resumes those whose event has come."""

    def __init__(self, pinned: PinnedPlaybooks, dialect: Dialect, breakers: PlaybookBreakers) -> None:
        self._breakers = breakers
        self._pinned = pinned
        self._dialect = dialect

    def run(self, connection: Connection, now: Instant) -> int:
        """End or resume enrolments of the users in ``due_user``; return how many.

        Raises:
            PlaybookAtFault: a step's code has a bug.
        """
        return self._run(connection, f"{DUE_USER} AS d JOIN enrolment AS n ON n.user_id = d.user_id", now, {})

    def entered(self, connection: Connection, playbook: str, now: Instant) -> int:
        """End or resume enrolments that entered ``playbook`` at ``now``; return how many."""
        these = "(SELECT * FROM enrolment WHERE playbook = :playbook AND entered_at = :now) AS n"
        return self._run(connection, these, now, {"playbook": playbook, "now": now})

    def _run(self, connection: Connection, enrolments: str, now: Instant, binds: Mapping[str, object]) -> int:
        """End or resume enrolments ``n`` selected by ``enrolments``; return how many."""
        changed = 0
        if self._collect(connection, enrolments, binds):
            playbooks = self._playbooks(connection, now)
            self._lock_changing(connection, playbooks, now)
            for playbook in playbooks:
                with attribute_bugs_to(part_of(playbook, PartKind.EXITS), connection):
                    changed += self._exit_and_wake(connection, playbook, now)
            ended = f"SELECT id FROM {_LEAVABLE} WHERE ended = 1"
            cancel_unsent(connection, ended, LedgerReason.ENROLMENT_EXITED, now)
        drop_temporary(connection, _LEAVABLE)
        return changed

    def _collect(self, connection: Connection, enrolments: str, binds: Mapping[str, object]) -> bool:
        columns = "id BIGINT PRIMARY KEY, user_id BIGINT, playbook TEXT, version TEXT, ended INTEGER"
        temporary(connection, self._dialect, _LEAVABLE, columns)
        found = connection.execute(
            text(
                f"INSERT INTO {_LEAVABLE} SELECT n.id, n.user_id, n.playbook, n.version, 0"
                f" FROM {enrolments} WHERE {_OPEN}"
            ),
            binds,
        ).rowcount
        analyse(connection, self._dialect, _LEAVABLE)
        return found > 0

    def _playbooks(self, connection: Connection, now: Instant) -> list[Playbook]:
        """Return the versions in ``leavable`` that can be compiled and are not paused."""
        found = []
        versions = text(f"SELECT DISTINCT playbook, version FROM {_LEAVABLE} ORDER BY playbook, version")
        for name, version in connection.execute(versions).all():
            part = PlaybookPart(name, version, PartKind.EXITS)
            if self._breakers.paused(part, now):
                _check_again_next_tick(connection, part, now)
                continue
            with attribute_bugs_to(part, connection):
                # A version that does not compile is cancelled when its next step is due: see Advance.
                if (playbook := self._pinned.get(connection, name, version)) is not None:
                    found.append(playbook)
        return found

    def _lock_changing(self, connection: Connection, playbooks: Sequence[Playbook], now: Instant) -> None:
        """Lock the enrolments that will change, of all playbooks at once: playbook by playbook, ids are not in order.

        If one comes to wait for its event after this, while another worker's lock is waited for, it is locked later, out of
        order: better that one of the two transactions is repeated than that it misses its event.
        """
        if not self._dialect.lock("n"):
            return
        temporary(connection, self._dialect, _CHANGING, "id BIGINT")
        for playbook in playbooks:
            with attribute_bugs_to(part_of(playbook, PartKind.EXITS), connection):
                conditions = [
                    *self._exits(playbook).values(),
                    *(_is_over(index, event) for index, event in playbook.waits),
                ]
                if conditions:
                    changing = f"SELECT id FROM enrolment WHERE {self._of(playbook)} AND ({' OR '.join(conditions)})"
                    binds = {"playbook": playbook.name, "version": playbook.version, "now": now}
                    connection.execute(statement(f"INSERT INTO {_CHANGING} {changing}"), binds)
        these = f"SELECT n.id FROM enrolment AS n WHERE n.id IN (SELECT id FROM {_CHANGING}) ORDER BY n.id"
        self._dialect.lock_selected(connection, these, "n")
        drop_temporary(connection, _CHANGING)

    def _exit_and_wake(self, connection: Connection, playbook: Playbook, now: Instant) -> int:
        changed = 0
        for reason, condition in self._exits(playbook).items():
            changed += self._exit(connection, playbook, condition, reason, now)
        for index, event in playbook.waits:
            changed += self._wake(connection, playbook, index, event, now)
        return changed

    def _exits(self, playbook: Playbook) -> dict[PlaybookReason, str]:
        """Return the reason of each exit, with SQL over ``enrolment``: it holds."""
        exits = {}
        if playbook.exit_event is not None:
            exits[PlaybookReason.EXIT_EVENT] = self._happened(playbook.exit_event)
        if playbook.exit_when is not None:
            exits[PlaybookReason.EXIT_CONDITION] = playbook.exit_when.holds_for_sql(self._dialect, "enrolment.user_id")
        ended = "state NOT IN ('cancelled', 'expired')"
        return {reason: f"({ended} AND {condition})" for reason, condition in exits.items()}

    def _happened(self, event: str) -> str:
        """Return SQL: the event happened after the trigger, and is not the trigger itself."""
        name = quoted(event)
        return (
            "EXISTS (SELECT 1 FROM event AS e WHERE e.user_id = enrolment.user_id"
            f" AND e.name = {name} AND e.at > enrolment.trigger_at AND e.at <= :now"
            " AND e.id <> coalesce(enrolment.event_id, 0))"
        )

    def _exit(
        self, connection: Connection, playbook: Playbook, condition: str, reason: PlaybookReason, now: Instant
    ) -> int:
        ended = connection.execute(
            statement(
                "UPDATE enrolment SET state = 'exited', reason = :reason, ended_at = :now"
                f" WHERE {self._of(playbook)} AND {condition} RETURNING id"
            ),
            {"reason": reason.value, "now": now, "playbook": playbook.name, "version": playbook.version},
        ).all()
        if ended:
            marking = text(f"UPDATE {_LEAVABLE} SET ended = 1 WHERE id = :id")
            connection.execute(marking, [{"id": enrolment} for (enrolment,) in ended])
        return len(ended)

    def _wake(self, connection: Connection, playbook: Playbook, index: int, event: str, now: Instant) -> int:
        """Resume enrolments whose event happened; the time of their next step counts from the event."""
        return connection.execute(
            statement(
                f"UPDATE enrolment SET step = :next, due_at = ({_came(event)}), waiting_since = NULL"
                f" WHERE {self._of(playbook)} AND {_is_over(index, event)}"
            ),
            {"playbook": playbook.name, "version": playbook.version, "next": index + 1, "now": now},
        ).rowcount

    def _of(self, playbook: Playbook) -> str:
        return f"id IN (SELECT id FROM {_LEAVABLE} WHERE playbook = :playbook AND version = :version AND ended = 0)"


def _check_again_next_tick(connection: Connection, part: PlaybookPart, now: Instant) -> None:
    """Make the users due again whose exits from ``part`` could not be checked.

    Not when the pause ends: only this process knows of the pause. Any other one, such as the next after a restart, must
    check the exits before it advances these users.
    """
    again = (
        f"SELECT DISTINCT user_id, CAST(:now AS BIGINT) + 1 AS again FROM {_LEAVABLE}"
        " WHERE playbook = :playbook AND version = :version"
    )
    due_again(connection, again, {"playbook": part.name, "version": part.version, "now": now})


def _is_over(index: int, event: str) -> str:
    """Return SQL over ``enrolment``: it waits at the step ``index``, and the event has come."""
    return f"(state = 'active' AND step = {index} AND waiting_since IS NOT NULL AND ({_came(event)}) IS NOT NULL)"


def _came(event: str) -> str:
    """Return SQL over ``enrolment``: when the event that a step waits for happened."""
    name = quoted(event)
    return (
        "SELECT min(e.at) FROM event AS e WHERE e.user_id = enrolment.user_id"
        f" AND e.name = {name} AND e.at > enrolment.waiting_since AND e.at <= :now"
    )
