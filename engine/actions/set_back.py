"""Taking back actions that a clock which was ahead made or changed, as far as they were not sent.

An action that was made then is removed, so that its step can be taken at the right time; one that was changed gets its state
from before. What was handed to a provider stays, at the instant to which the clock is set back: its own lies in the future,
where it would count as recent for ever.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from engine.actions.states import LEASED_SQL, RECEIPT_STATES_SQL, WAITING_SQL, State
from engine.clock import Instant
from engine.store.dialects import dialect_of
from engine.store.statement import statement
from engine.store.temporary import analyse, temporary

HASTY_ACTION = "hasty_action"
"""The actions that were made or changed: ``(id, enrolment_id, made, sent, kept, known)``.

``made``: it did not exist before; ``sent``: it was handed off, or is just being; ``kept``: it stays as it is; ``known``: the
event with its state from before.
"""

_MADE, _CHANGED = f"SELECT id FROM {HASTY_ACTION} WHERE made = 1 AND kept = 0", f"{HASTY_ACTION} AS h WHERE h.made = 0"
_KEPT = f"SELECT id FROM {HASTY_ACTION} WHERE kept = 1"


@dataclass(frozen=True, slots=True)
class SentAhead:
    """Messages of one step that were sent under the wrong clock, by their present state."""

    playbook: str
    step: str
    channel: str | None
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class ActionsTakenBack:
    """How many actions were removed, and how many have their earlier state again; and what was sent."""

    removed: int
    restored: int
    sent: tuple[SentAhead, ...]


def take_back_actions(connection: Connection, since: Instant) -> ActionsTakenBack:
    """Take back what was done to actions later than ``since``; fill ``hasty_action``."""
    binds = {"since": since}
    _collect(connection, since)
    sent = connection.execute(
        statement(
            "SELECT a.playbook, a.step, a.channel, a.state, count(*) FROM action AS a"
            f" JOIN {HASTY_ACTION} AS h ON h.id = a.id WHERE h.sent = 1"
            " GROUP BY a.playbook, a.step, a.channel, a.state ORDER BY 1, 2, 3, 4"
        )
    )
    found = tuple(SentAhead(*row) for row in sent)
    restored = _restore(connection, since)
    removed = _remove(connection)
    for table, column, key in (
        ("action_event", "at", "action_id"),
        ("action_content", "at", "action_id"),
        ("action", "created_at", "id"),
        ("action", "changed_at", "id"),
        ("action", "due_at", "id"),
    ):
        later = f"UPDATE {table} SET {column} = :since WHERE {column} > :since AND {key} IN ({_KEPT})"
        connection.execute(statement(later), binds)
    return ActionsTakenBack(removed, restored, found)


def _collect(connection: Connection, since: Instant) -> None:
    dialect, binds = dialect_of(connection), {"since": since}
    changed = "SELECT v.action_id FROM action_event AS v WHERE v.at > :since"
    dialect.lock_selected(
        connection, f"SELECT a.id FROM action AS a WHERE a.id IN ({changed}) ORDER BY a.id", "a", binds
    )
    columns = "enrolment_id BIGINT, made INTEGER, sent INTEGER, kept INTEGER, known BIGINT"
    temporary(connection, dialect, HASTY_ACTION, f"id {dialect.key_type} PRIMARY KEY, {columns}")
    event = "FROM action_event AS v WHERE v.action_id = a.id"
    handed_off = f"EXISTS (SELECT 1 {event} AND v.at > :since AND v.state = '{State.HANDED_OFF}')"
    known = f"(SELECT max(v.id) {event} AND v.at <= :since AND v.state <> '{State.CLAIMED}')"
    connection.execute(
        statement(
            f"INSERT INTO {HASTY_ACTION} SELECT a.id, a.enrolment_id, CASE WHEN a.created_at > :since THEN 1 ELSE 0 END,"
            f" CASE WHEN {handed_off} OR a.{LEASED_SQL} THEN 1 ELSE 0 END, 0, {known}"
            f" FROM action AS a WHERE a.id IN ({changed})"
        ),
        binds,
    )
    was_sent = f"(SELECT v.state FROM action_event AS v WHERE v.id = known) = '{State.HANDED_OFF}'"
    reported = f"id IN (SELECT a.id FROM action AS a WHERE a.{RECEIPT_STATES_SQL} OR a.state = '{State.UNKNOWN}')"
    # A message that is bound to a device has been sent, or another of the user's devices has it.
    bound = "id IN (SELECT a.id FROM action AS a WHERE a.device_id IS NOT NULL)"
    kept = f"sent = 1 OR {bound} OR made = 0 AND (known IS NULL OR {was_sent} OR {reported})"
    connection.execute(statement(f"UPDATE {HASTY_ACTION} SET kept = 1 WHERE {kept}"))
    analyse(connection, dialect, HASTY_ACTION)


def _restore(connection: Connection, since: Instant) -> int:
    """Give actions that were changed the state that they had; those that wait are due at once."""
    restored = connection.execute(
        statement(
            "UPDATE action SET state = v.state, reason = v.reason, changed_at = v.at, lease_until = NULL,"
            f" due_at = CASE WHEN v.{WAITING_SQL} AND action.due_at > :since THEN CAST(:since AS BIGINT)"
            " ELSE action.due_at END"
            f" FROM {HASTY_ACTION} AS h JOIN action_event AS v ON v.id = h.known"
            " WHERE action.id = h.id AND h.made = 0 AND h.kept = 0"
        ),
        {"since": since},
    ).rowcount
    undone = f"SELECT h.id FROM {_CHANGED} AND h.kept = 0"
    later = f"SELECT v.id FROM action_event AS v WHERE v.at > :since AND v.action_id IN ({undone})"
    connection.execute(statement(f"DELETE FROM provider_text WHERE event_id IN ({later})"), {"since": since})
    connection.execute(
        statement(f"DELETE FROM action_event WHERE at > :since AND action_id IN ({undone})"), {"since": since}
    )
    return restored


def _remove(connection: Connection) -> int:
    """Remove actions that were made, with all that is stored about them."""
    events = f"SELECT v.id FROM action_event AS v WHERE v.action_id IN ({_MADE})"
    connection.execute(statement(f"DELETE FROM provider_text WHERE event_id IN ({events})"))
    for table in ("action_event", "action_content"):
        connection.execute(statement(f"DELETE FROM {table} WHERE action_id IN ({_MADE})"))
    return connection.execute(statement(f"DELETE FROM action WHERE id IN ({_MADE})")).rowcount
