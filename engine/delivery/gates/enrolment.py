"""The gate that cancels a waiting message whose user has left the playbook."""

from typing import Any

from engine.actions.reasons import LedgerReason
from engine.actions.states import State
from engine.delivery.gates.base import PASS, Columns, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.playbooks.reasons import PlaybookReason

_LEFT = frozenset({PlaybookReason.EXIT_EVENT.value, PlaybookReason.EXIT_CONDITION.value})
"""Ends of enrolments that cancel their unsent messages. After the last step or an exit step messages are still sent."""


def _judge(_message: PendingMessage, is_open: bool, _context: GateContext) -> Verdict:
    return PASS if is_open else Refuse(LedgerReason.ENROLMENT_EXITED, State.CANCELLED, final=True)


def has_left(state: str | None, reason: str | None) -> bool:
    """Tell whether an enrolment in this state, for this reason, ended in a way that cancels its unsent messages."""
    return state == "cancelled" or reason in _LEFT


def _read(row: Any) -> bool:  # noqa: ANN401
    return not has_left(row.state, row.reason)


ENROLMENT = Gate(
    "enrolment", _judge, (LedgerReason.ENROLMENT_EXITED,), Columns({"state": "n.state", "reason": "n.reason"}, _read)
)
