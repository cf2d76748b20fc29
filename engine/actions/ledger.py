"""The ledger: only this package's SQL writes ``action`` and ``action_event``.

This module has what playbooks and coupons do to many actions at once. Delivery claims actions (``claims.py``) and
changes their states under a lease (``moves.py``); providers' receipts need no lease (``receipts.py``). Each change of
state is written with its event, in one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from engine.actions.described_enum import DescribedEnum
from engine.actions.returns import note_ended
from engine.actions.states import ENDED_UNSENT, UNSENT_SQL, WAITING_SQL, State
from engine.clock import Instant
from engine.store.dialects import dialect_of
from engine.store.statement import statement


@dataclass(frozen=True, slots=True)
class ActionDraft:
    """What the actions of one step have in common. ``expires_at`` is in UTC milliseconds."""

    playbook: str
    version: str
    step_id: str
    """The step's name in the log."""
    message_class: str
    priority: int
    expires_at: int
    kind: str
    """``message`` or ``coupon``."""
    channel: str | None = None
    next_channels: str = ""
    """Comma-separated: the channels to try next if the gates refuse this one."""
    template: str | None = None
    send_window: str | None = None
    """``HH:MM-HH:MM`` in the user's own zone."""
    coupon: str | None = None
    attempt: int = 1
    """Of the actions that one step makes for an enrolment, each has a number of its own."""


@dataclass(frozen=True, slots=True)
class InitialState:
    """The initial state of actions and its reason, each as SQL over the enrolment ``d``; and where they go first and then.

    By default they go to the draft's channels in their order.
    """

    state: str
    reason: str
    channel: str = ":channel"
    next_channels: str = ":next_channels"


def create(
    connection: Connection,
    draft: ActionDraft,
    beginning: InitialState,
    enrolments: str,
    *,
    now: Instant,
    binds: Mapping[str, object],
) -> int:
    """Add an action, due now, for each enrolment that has none of its number for this step yet; return how many.

    ``enrolments`` is SQL to follow FROM that gives rows ``d(id, user_id, due_at, …)``; actions are created in the order
    of ``due_at``. ``binds`` are its binds; they must not reuse the names of the draft's fields for other values.
    """
    every = {**binds, **asdict(draft), "now": now}
    made = connection.execute(
        statement(
            "INSERT INTO action (enrolment_id, step, attempt, user_id, playbook, version, kind, class, priority,"
            " channel, next_channels, template, send_window, coupon, state, reason, due_at, expires_at, tries,"
            " fence, created_at, changed_at)"
            " SELECT d.id, :step_id, :attempt, d.user_id, :playbook, :version, :kind, :message_class, :priority,"
            f" {beginning.channel}, {beginning.next_channels}, :template, :send_window, :coupon, {beginning.state}, {beginning.reason}, :now,"
            f" :expires_at, 0, 0, :now, :now FROM {enrolments} ORDER BY d.due_at, d.id"
            " ON CONFLICT (enrolment_id, step, attempt) DO NOTHING"
        ),
        every,
    ).rowcount
    connection.execute(
        statement(
            "INSERT INTO action_event (action_id, at, state, reason, detail)"
            " SELECT a.id, :now, a.state, a.reason, '' FROM action AS a WHERE a.step = :step_id AND a.attempt = :attempt"
            f" AND a.enrolment_id IN (SELECT d.id FROM {enrolments})"
            " AND NOT EXISTS (SELECT 1 FROM action_event AS v WHERE v.action_id = a.id)"
        ),
        every,
    )
    return made


def cancel_unsent(
    connection: Connection,
    enrolments: str,
    reason: DescribedEnum,
    now: Instant,
    binds: Mapping[str, object] | None = None,
) -> int:
    """Cancel the unsent actions of the enrolments that the subquery ``enrolments`` selects; return how many.

    Claimed actions are left to delivery, which checks the enrolment itself.
    """
    these = f"enrolment_id IN ({enrolments}) AND {UNSENT_SQL}"
    return len(_change(connection, these, State.CANCELLED, reason, now=now, binds=binds))


def release(
    connection: Connection, where: str, reason: DescribedEnum, now: Instant, binds: Mapping[str, object] | None = None
) -> list[int]:
    """Queue the held actions for which ``where`` holds, due at once; return their ids."""
    return _change(connection, f"{where} AND state = 'held'", State.QUEUED, reason, now=now, binds=binds, due_now=True)


def queue_again(connection: Connection, actions: Iterable[int], reason: DescribedEnum, now: Instant) -> list[int]:
    """Queue those of ``actions`` that are deferred, due at once; return their ids."""
    listed = ", ".join(str(int(action)) for action in actions)
    return (
        _change(
            connection,
            f"id IN ({listed}) AND state = 'deferred'",
            State.QUEUED,
            reason,
            now=now,
            binds=None,
            due_now=True,
        )
        if listed
        else []
    )


def due_at_once(connection: Connection, reason: DescribedEnum, now: Instant) -> int:
    """Make the messages that wait in the queue for ``reason`` until later due now; return how many."""
    these = dialect_of(connection).where_locked(
        "action", "action", "id", f"{WAITING_SQL} AND due_at > :now AND state = 'queued' AND reason = :reason"
    )
    later = statement(f"UPDATE action SET due_at = :now WHERE {these}")
    return connection.execute(later, {"now": now, "reason": reason.value}).rowcount


def complete(
    connection: Connection, where: str, reason: DescribedEnum, now: Instant, binds: Mapping[str, object] | None = None
) -> list[int]:
    """Mark the held actions for which ``where`` holds as done, if no provider has to send them; return their ids."""
    return _change(connection, f"{where} AND state = 'held'", State.ACCEPTED, reason, now=now, binds=binds)


def expire(
    connection: Connection, where: str, reason: DescribedEnum, now: Instant, binds: Mapping[str, object] | None = None
) -> list[int]:
    """Expire the held actions for which ``where`` holds; return their ids."""
    return _change(connection, f"{where} AND state = 'held'", State.EXPIRED, reason, now=now, binds=binds)


def _change(
    connection: Connection,
    where: str,
    state: State,
    reason: DescribedEnum,
    *,
    now: Instant,
    binds: Mapping[str, object] | None,
    due_now: bool = False,
) -> list[int]:
    """Change the actions for which ``where`` holds, each with its event; return their ids."""
    these = dialect_of(connection).where_locked("action", "action", "id", where)
    due = ", due_at = :now" if due_now else ""
    changed = connection.execute(
        statement(
            f"UPDATE action SET state = :state, reason = :reason, changed_at = :now{due} WHERE {these} RETURNING id"
        ),
        {"state": state.value, "reason": reason.value, "now": now, **(binds or {})},
    )
    ids = [action for (action,) in changed]
    if ids:
        connection.execute(
            statement(
                "INSERT INTO action_event (action_id, at, state, reason, detail)"
                " VALUES (:action_id, :at, :state, :reason, '')"
            ),
            [{"action_id": action, "at": now, "state": state.value, "reason": reason.value} for action in ids],
        )
    if state in ENDED_UNSENT:
        note_ended(connection, ids)
    return ids
