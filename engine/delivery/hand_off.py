"""Handing off a group of messages: who of them leaves is decided in the transaction that commits it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from engine.actions.moves import HasFence, Move
from engine.actions.send_keys import SendKey
from engine.actions.states import State
from engine.clock import HOUR, Instant
from engine.delivery.devices import DeviceBinding
from engine.delivery.drafting import ReadyMessage
from engine.delivery.gates.asking import reserve
from engine.delivery.gates.base import Gate, Verdict
from engine.delivery.pauses import put_back, route_of
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.preparing import BadMessage, Group, follow_verdict
from engine.delivery.reasons import DeliveryReason
from engine.delivery.second_look import AskAgain
from engine.store.dialects import dialect_of
from engine.store.paused import read_paused
from engine.store.quarantine import quarantine

LOOK_AGAIN = HOUR
"""How long messages of an adapter wait that a person has paused, while others of the channel go on."""


@dataclass(frozen=True, slots=True)
class HandOff:
    """The decision about one group. ``keys`` are those of the messages that have one, by action id."""

    group: Group
    gate_context: GateContext
    gates: Sequence[Gate[Any]]
    ask_again: AskAgain
    adapter: str | None
    binding: DeviceBinding
    lease_until: int
    keys: Mapping[int, SendKey]

    @property
    def claims(self) -> list[HasFence]:
        """What the worker has to hold still."""
        group = self.group
        return [*(pending for pending, _ in group.passed), *(one.claim for one in group.bad), *group.stopped]

    def decide(self, connection: Connection, ours: frozenset[int]) -> list[Move]:
        """Return the moves of those actions that are ``ours``: who is handed off, who is not, when bad rows are retried.

        What was paused meanwhile goes back; what a gate refuses at the second look, or has no place for, follows its
        verdict.
        """
        left = {pending.action_id: pending for pending, _ in self.group.passed if pending.action_id in ours}
        kept = {move.action_id: move for move in self._paused(connection, list(left.values()))}
        kept |= {move.action_id: move for move in self._lost(connection, list(left.values()))}
        for ask in (self.ask_again, self._reserve):
            asked = [pending for action, pending in left.items() if action not in kept]
            verdicts = ask(connection, asked) if asked else {}
            kept |= {
                one.action_id: follow_verdict(one, verdicts[one.action_id])
                for one in asked
                if one.action_id in verdicts
            }
        bad = [one for one in self.group.bad if one.claim.action_id in ours]
        leaving = [one for one in self.group.passed if one[0].action_id in left.keys() - kept.keys()]
        self.binding.add_further(connection, [pending for pending, _ in leaving], self.gate_context.now)
        return [
            *self._stopped(connection, [one for one in self.group.stopped if one.action_id in ours]),
            *_quarantine(connection, bad, self.gate_context.now),
            *kept.values(),
            *(self._handed_off(pending, ready) for pending, ready in leaving),
        ]

    def _paused(self, connection: Connection, messages: Sequence[PendingMessage]) -> Iterator[Move]:
        paused = read_paused(connection)
        for one in messages if paused else ():
            stop = paused.stopping(route_of(one, self.adapter))
            if stop is not None:
                yield put_back(one.action_id, one.fence, stop)

    def _stopped(self, connection: Connection, messages: Sequence[PendingMessage]) -> Iterator[Move]:
        """Return the moves of messages whose adapter is paused: until a person resumes it, which makes them due at once."""
        if not messages:
            return
        # Whoever resumes it at this moment is waited for, or finds these messages.
        dialect_of(connection).share_table(connection, "pause")
        stop = read_paused(connection).stopping_adapter(self.adapter)
        for one in messages:
            if stop is None:
                yield Move(one.action_id, one.fence, State.QUEUED, DeliveryReason.PAUSED)
            else:
                until = self.gate_context.now + LOOK_AGAIN
                yield put_back(one.action_id, one.fence, stop)._replace(due_at=until)

    def _lost(self, connection: Connection, messages: Sequence[PendingMessage]) -> Iterator[Move]:
        lost = self.binding.lost(connection, messages)
        for one in messages if lost else ():
            if one.action_id in lost:
                yield Move(one.action_id, one.fence, State.QUEUED, DeliveryReason.DEVICE_CHANGED)

    def _reserve(self, connection: Connection, messages: Sequence[PendingMessage]) -> Mapping[int, Verdict]:
        return reserve(connection, messages, self.gate_context, self.gates)

    def _handed_off(self, pending: PendingMessage, ready: ReadyMessage) -> Move:
        key = self.keys.get(pending.action_id)
        return Move(
            pending.action_id,
            pending.fence,
            State.HANDED_OFF,
            DeliveryReason.GATES_PASSED,
            tries=1,
            lease_until=self.lease_until,
            content=ready.content,
            adapter=self.adapter if key is not None else None,
            send_key=key,
            device_id=pending.device.id if pending.device else None,
        )


def _quarantine(connection: Connection, bad: Sequence[BadMessage], now: int) -> list[Move]:
    until = quarantine(connection, [one.found for one in bad], Instant(now))
    return [
        Move(
            one.claim.action_id,
            one.claim.fence,
            State.DEFERRED,
            one.found.reason,
            one.found.detail,
            due_at=until[one.found.row_id],
        )
        for one in bad
    ]
