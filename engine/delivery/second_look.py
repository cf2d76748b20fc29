"""Gates that are asked twice: about what a person can change at any moment, such as the suppression list.

They are asked when a message is prepared, again in the transaction of its hand-off, and once more before it is sent if it
had to wait for the provider after that. So what a person says counts within a second, at no cost for those who send fast.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import structlog
from sqlalchemy import Connection

from engine.actions.moves import Move
from engine.delivery.gates.base import PASS, Gate, Lookup, Pass, Verdict
from engine.delivery.journal import Journal
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.preparing import follow_verdict
from engine.store.data_errors import is_store_error

FRESH_FOR = 0.25
"""Seconds after the hand-off for which a worker relies on what the gates said."""
AskAgain: TypeAlias = Callable[[Connection, Sequence[PendingMessage]], Mapping[int, Verdict]]
"""Returns the verdicts on those messages that may not be sent any more, by action id."""

_log = structlog.get_logger("habitue.delivery")


def ask_again(
    connection: Connection, messages: Sequence[PendingMessage], context: GateContext, gates: Sequence[Gate[Any]]
) -> dict[int, Verdict]:
    """Ask those of ``gates`` that are asked twice about ``messages`` of one channel; see ``AskAgain``."""
    found: dict[int, Verdict] = {}
    for gate in gates:
        if not (gate.asked_twice and isinstance(gate.needs, Lookup) and messages):
            continue
        values = gate.needs.load(connection, messages)
        for message in messages:
            verdict = gate.judge(message, values.get(message.action_id, gate.needs.otherwise), context)
            if verdict is not PASS and not isinstance(verdict, Pass):
                found.setdefault(message.action_id, verdict)
    return found


async def refused_before_sending(asking: AskAgain, message: PendingMessage, journal: Journal) -> Move | None:
    """Return the move of a message that has been handed off and may not be sent any more; None if it may.

    A worker that is cut off from the database goes by what it knew.
    """
    try:
        verdicts = await journal.read(lambda connection: asking(connection, [message]))
    except Exception as error:
        if not is_store_error(error):
            raise
        _log.warning("gates_not_asked", error=type(error).__name__)
        return None
    if message.action_id not in verdicts:
        return None
    return follow_verdict(message, verdicts[message.action_id])._replace(tries=-1)
