"""The gate that cancels a waiting message whose user has left the playbook."""

from typing import Any

from engine.actions.reasons import LedgerReason
from engine.actions.states import State
from engine.delivery.gates.base import PASS, Columns, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.playbooks.leaving import has_left


def _judge(_message: PendingMessage, is_open: bool, _context: GateContext) -> Verdict:
    return PASS if is_open else Refuse(LedgerReason.ENROLMENT_EXITED, State.CANCELLED, final=True)


def _read(row: Any) -> bool:  # noqa: ANN401
    return not has_left(row.state, row.reason)


ENROLMENT = Gate(
    "enrolment", _judge, (LedgerReason.ENROLMENT_EXITED,), Columns({"state": "n.state", "reason": "n.reason"}, _read)
)
