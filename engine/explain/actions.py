"""A user's actions, each with the sentence of its reason and its whole life."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, text

from engine.actions.states import State
from engine.clock import Instant
from engine.delivery.reasons import Reason as DeliveryReason
from engine.explain.models import ActionRecord, Change
from engine.incentives.reasons import CouponReason
from engine.playbooks.reasons import Reason as PlaybookReason

_ACTIONS = text(
    "SELECT a.id, a.enrolment_id, a.playbook, a.step, a.attempt, a.kind, a.class AS message_class, a.channel,"
    " a.template, a.coupon, k.code AS coupon_code, a.state, a.reason, a.due_at, a.expires_at, a.tries, a.adapter,"
    " a.reference, a.created_at, a.changed_at FROM action AS a"
    " LEFT JOIN coupon_code AS k ON k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon"
    " WHERE a.user_id = :user_id ORDER BY a.created_at, a.id"
)
_CHANGES = text(
    "SELECT v.action_id, v.at, v.state, v.reason, v.detail FROM action AS a JOIN action_event AS v"
    " ON v.action_id = a.id WHERE a.user_id = :user_id ORDER BY v.at, v.id"
)
_REASONS: Mapping[str, str] = {one.value: one.sentence for one in (*PlaybookReason, *CouponReason, *DeliveryReason)}
_STATES: Mapping[str, str] = {one.value: one.sentence for one in State}


def actions(connection: Connection, user_id: int) -> tuple[ActionRecord, ...]:
    """Return the user's actions, oldest first."""
    changes: dict[int, list[Change]] = defaultdict(list)
    for action_id, at, state, reason, detail in connection.execute(_CHANGES, {"user_id": user_id}):
        changes[action_id].append(Change(Instant(at), state, reason, detail))
    rows = connection.execute(_ACTIONS, {"user_id": user_id}).mappings()
    return tuple(_record(row, changes) for row in rows)


def reason_sentence(reason: str) -> str | None:
    """Return what an action's reason means; None for an adapter's own word, which its page explains."""
    return _REASONS.get(reason)


def state_sentence(state: str) -> str:
    """Return what an action's state means."""
    return _STATES[state]


def _record(row: RowMapping, changes: Mapping[int, list[Change]]) -> ActionRecord:
    return ActionRecord(
        **row,
        state_sentence=state_sentence(row["state"]),
        sentence=reason_sentence(row["reason"]),
        history=tuple(changes[row["id"]]),
    )
