"""Taking back enrolments that a clock which was ahead made, moved or ended.

Who entered then, and was sent nothing, has not entered. Who was in a playbook before goes back to where the actions that are
left put them: behind the step of the last one, or at the beginning. The lengths of waits count from there, as they did.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Row

from engine.actions.set_back import HASTY_ACTION
from engine.clock import Instant
from engine.playbooks.file.playbook import Playbook
from engine.playbooks.pinned import PinnedPlaybooks
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.steps.base import Standing
from engine.store.dialects import dialect_of
from engine.store.statement import statement
from engine.store.temporary import analyse, temporary

RESTARTING = "restarting"
"""Enrolments that go back: ``(id, user_id, playbook, version, base, last_step)``; ``base`` is when the last step was taken."""
_OF_GROUP = "r.playbook = :playbook AND r.version = :version AND r.last_step = :last_step"


@dataclass(frozen=True, slots=True)
class EnrolmentsTakenBack:
    """How many enrolments were removed, went back to an earlier step, and were ended because they cannot go back."""

    removed: int
    resumed: int
    ended: int


def take_back_enrolments(
    connection: Connection, pinned: PinnedPlaybooks, since: Instant, first: Instant
) -> EnrolmentsTakenBack:
    """Take back what happened to enrolments later than ``since``, from the wrong tick at ``first`` on.

    ``hasty_action`` must be filled, and its actions taken back. Fills ``restarting``.
    """
    binds = {"since": since, "reason": PlaybookReason.CLOCK_SET_BACK.value}
    without = "NOT EXISTS (SELECT 1 FROM action AS a WHERE a.enrolment_id = enrolment.id)"
    removed = connection.execute(
        statement(f"DELETE FROM enrolment WHERE entered_at > :since AND {without}"), binds
    ).rowcount
    _collect(connection, since, first)
    # Those that were triggered by what has not happened, and were sent something.
    ended = connection.execute(
        statement(
            "UPDATE enrolment SET state = 'cancelled', reason = :reason, ended_at = :since, due_at = :since"
            " WHERE trigger_at > :since AND entered_at > :since AND state = 'active'"
        ),
        binds,
    ).rowcount
    resumed, unreadable = _resume(connection, pinned, binds)
    for column in ("entered_at", "trigger_at", "ended_at"):
        connection.execute(
            statement(f"UPDATE enrolment SET {column} = :since WHERE {column} > :since"), {"since": since}
        )
    return EnrolmentsTakenBack(removed, resumed, ended + unreadable)


def _collect(connection: Connection, since: Instant, first: Instant) -> None:
    dialect = dialect_of(connection)
    columns = "user_id BIGINT, playbook TEXT, version TEXT, base BIGINT, last_step TEXT"
    temporary(connection, dialect, RESTARTING, f"id {dialect.key_type} PRIMARY KEY, {columns}")
    went_on = f"EXISTS (SELECT 1 FROM {HASTY_ACTION} AS h WHERE h.enrolment_id = n.id AND h.made = 1)"
    touched = f"(n.ended_at > :since OR n.state = 'active' AND n.due_at > :first OR {went_on})"
    last = "a.id = (SELECT max(b.id) FROM action AS b WHERE b.enrolment_id = n.id)"
    connection.execute(
        statement(
            f"INSERT INTO {RESTARTING} SELECT n.id, n.user_id, n.playbook, n.version,"
            " coalesce(a.created_at, n.trigger_at), coalesce(a.step, '')"
            f" FROM enrolment AS n LEFT JOIN action AS a ON {last}"
            f" WHERE {touched} AND n.trigger_at <= :since ORDER BY n.id"
        ),
        {"since": since, "first": first},
    )
    these = f"SELECT n.id FROM enrolment AS n WHERE n.id IN (SELECT id FROM {RESTARTING}) ORDER BY n.id"
    dialect.lock_selected(connection, these, "n")
    analyse(connection, dialect, RESTARTING)


def _resume(connection: Connection, pinned: PinnedPlaybooks, binds: dict[str, object]) -> tuple[int, int]:
    """Put the enrolments of ``restarting`` back; return how many, and how many ended because no step can be found."""
    resumed = unreadable = 0
    groups = f"SELECT DISTINCT playbook, version, last_step FROM {RESTARTING} ORDER BY 1, 2, 3"
    for group in connection.execute(statement(groups)).all():
        playbook = pinned.get(connection, group.playbook, group.version)
        standing = None if playbook is None else _standing(playbook, group.last_step)
        if standing is None:
            ending = "state = 'cancelled', reason = :reason, ended_at = CAST(:since AS BIGINT)"
            unreadable += _update(connection, ending, group, binds)
            continue
        waiting = "r.base" if standing.waiting else "NULL"
        resumed += _update(
            connection,
            "state = 'active', reason = NULL, ended_at = NULL, step = :step, due_at = r.base + :after,"
            f" waiting_since = {waiting}",
            group,
            {"step": standing.step, "after": standing.after},
        )
    return resumed, unreadable


def _update(connection: Connection, setting: str, group: Row[tuple[str, str, str]], binds: dict[str, object]) -> int:
    sql = f"UPDATE enrolment SET {setting} FROM {RESTARTING} AS r WHERE enrolment.id = r.id AND {_OF_GROUP}"
    of_group = {"playbook": group.playbook, "version": group.version, "last_step": group.last_step}
    return connection.execute(statement(sql), {**binds, **of_group}).rowcount


def _standing(playbook: Playbook, last_step: str) -> Standing | None:
    """Return where an enrolment stands whose last action was that of ``last_step``; None if there is no such step."""
    ids = [step.id for step in playbook.steps]
    if last_step and last_step not in ids:
        return None
    index = ids.index(last_step) + 1 if last_step else 0
    if index < len(playbook.steps) and playbook.steps[index].when is None:
        return playbook.steps[index].act.standing(index) or Standing(index)
    return Standing(index)
