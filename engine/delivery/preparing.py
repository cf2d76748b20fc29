"""From a loaded action to its next state: the gates, then composing, and what follows from either.

Messages are composed in other processes, many at a time. A bug never decides the outcome of a message: the message goes back to the queue unchanged, and the part with the bug is
stopped (see ``channel_breakers``). A message whose own values are bad is quarantined.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.actions.moves import HasFence, Move
from engine.actions.states import State
from engine.composing.draft import Broken, Composed, Draft, Oversized, Unrendered
from engine.composing.jobs import Job, Work
from engine.composing.process import ComposingStopped
from engine.composing.processes import Composers, Made
from engine.delivery.channel_breakers import ChannelBreakers
from engine.delivery.drafting import Drafter, ReadyMessage
from engine.delivery.gates.asking import judge
from engine.delivery.gates.base import Defer, Gate, Hold, Pass, Refuse, Verdict
from engine.delivery.gates.expiry import ExpiryReason
from engine.delivery.kept_templates import TemplatesInUse
from engine.delivery.load import LoadedAction, LoadedBatch, Unreadable
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.delivery.reasons import DeliveryReason
from engine.errors import RenderError
from engine.faults import trail
from engine.store.quarantine import A_FEW, BadRowFound, RowKind

_MAX_DETAIL = 300


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A message to quarantine because its own values are bad."""

    claim: HasFence
    template: str
    found: BadRowFound


@dataclass(slots=True)
class Group:
    """What is written together: messages that passed, moves of others, messages to quarantine, and messages whose adapter a
    person has paused while others of the channel go on.
    """

    passed: list[tuple[PendingMessage, ReadyMessage]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    bad: list[BadMessage] = field(default_factory=list)
    stopped: list[PendingMessage] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.passed or self.moves or self.bad or self.stopped)


@dataclass(frozen=True)
class Composing:
    """What messages of one version of the files are composed with."""

    drafter: Drafter
    templates: TemplatesInUse
    composers: Composers


class Preparer:
    """Runs the gates on the messages of one channel, and has those composed that pass."""

    def __init__(
        self,
        composing: Composing,
        gates: Sequence[Gate[Any]],
        channel_breakers: ChannelBreakers,
        halted: Callable[[int], DeliveryReason | None],
    ) -> None:
        """``halted`` returns why nothing may be handed off at an instant; None if it may."""
        self._composing = composing
        self._gates = gates
        self._channel_breakers = channel_breakers
        self._halted = halted

    def unloaded(self, batch: LoadedBatch, group: Group, now: int) -> None:
        """Add the moves of the actions that could not be loaded to ``group``."""
        group.moves += [Move(*claim, State.FAILED, DeliveryReason.USER_MISSING) for claim in batch.missing]
        unreadable = batch.unreadable
        if self._not_the_rows(batch):
            until = self._channel_breakers.fail(unreadable[0].detail, now)
            group.moves += [_given_back(one.claim, one.detail, until) for one in unreadable]
            return
        for one in unreadable:
            if one.expires_at <= now:
                group.moves.append(Move(*one.claim, State.EXPIRED, ExpiryReason.EXPIRED))
            else:
                group.bad.append(_unreadable(one))

    def _not_the_rows(self, batch: LoadedBatch) -> bool:
        """Tell whether so many actions could not be loaded, in the batch or in a row, that rows cannot be at fault."""
        unreadable = [one.claim.action_id for one in batch.unreadable]
        if batch.actions:
            self._channel_breakers.loaded()
        elif unreadable and self._channel_breakers.unreadable(unreadable):
            return True
        return len(unreadable) > max(A_FEW, len(batch) // 10)

    def judge(self, loaded: LoadedAction, gate_context: GateContext, group: Group) -> PendingMessage | None:
        """Return the message of ``loaded`` if it passes the gates; else add its move to ``group``, and return None."""
        message = loaded.message
        try:
            verdict = judge(message, loaded.inputs, gate_context, self._gates)
        except Exception as error:  # noqa: BLE001 - a gate's bug; no message may suffer from it
            detail = trail(error)
            until = self._channel_breakers.fail(detail, gate_context.now)
            group.moves.append(_given_back(message, detail, until))
            return None
        if isinstance(verdict, Pass):
            return message
        group.moves.append(follow_verdict(message, verdict))
        return None

    def halted(self, message: PendingMessage, now: int, group: Group) -> bool:
        """Tell whether nothing may be handed off now; then ``message`` goes back to the queue."""
        reason = self._halted(now)
        if reason is not None:
            group.moves.append(Move(message.action_id, message.fence, State.QUEUED, reason))
        return reason is not None

    async def compose(self, messages: Sequence[PendingMessage], now: int, group: Group) -> None:
        """Add ``messages`` to ``group``: as messages that may be sent, or as other moves."""
        composing, recipe = self._composing, self._composing.templates.current.recipe
        waiting = list(messages)
        while drafted := [(one, draft) for one in waiting if (draft := self._draft(one, now, group)) is not None]:
            job = Job(Work.COMPOSE, tuple(draft for _, draft in drafted))
            try:
                made = await asyncio.wrap_future(composing.composers.submit(recipe, job))
            except Exception as error:  # noqa: BLE001 - no message may suffer from it
                detail = str(error) if isinstance(error, ComposingStopped) else trail(error)
                self._channel_breakers.fail(detail, now)
                group.moves += [_given_back(message, detail, None) for message, _ in drafted]
                return
            for (message, draft), one in zip(drafted, made, strict=False):
                self._follow(message, draft, one, now, group)
            waiting = [message for message, _ in drafted[len(made) :]]

    def _stopped(self, message: PendingMessage, now: int, group: Group) -> bool:
        """Tell whether the message's template has stopped; then it is given back."""
        until = self._channel_breakers.template_until(message.template, now)
        if until is not None:
            group.moves.append(_given_back(message, message.template, until))
        return until is not None

    def _draft(self, message: PendingMessage, now: int, group: Group) -> Draft | None:
        if self.halted(message, now, group) or self._stopped(message, now, group):
            return None
        try:
            return self._composing.drafter.draft(message, now)
        except RenderError as error:
            self._unrendered(message, Unrendered(str(error.reason), str(error)), now, group)
        except Exception as error:  # noqa: BLE001 - a bug in making the draft
            self._broken(message, trail(error), now, group)
        return None

    def _follow(self, message: PendingMessage, draft: Draft, made: Made, now: int, group: Group) -> None:
        if self._stopped(message, now, group):
            return
        match made:
            case Composed():
                self._channel_breakers.rendered(message.template)
                group.passed.append((message, self._composing.drafter.ready(message, draft, made)))
            case Unrendered():
                self._unrendered(message, made, now, group)
            case Broken(detail):
                self._broken(message, detail, now, group)
            case Oversized(reason, detail):
                self._channel_breakers.rendered(message.template)
                group.moves.append(_refused(message, State.SUPPRESSED, reason, detail))
            case _:
                raise TypeError("a message was not composed")

    def _broken(self, message: PendingMessage, detail: str, now: int, group: Group) -> None:
        until = self._channel_breakers.template_failed(message.template, detail, now)
        group.moves.append(_given_back(message, detail, until))

    def _unrendered(self, message: PendingMessage, why: Unrendered, now: int, group: Group) -> None:
        """Quarantine the message; after too many in a row, blame the template instead of the messages."""
        detail = why.detail[:_MAX_DETAIL]
        bad = BadMessage(
            message,
            message.template,
            BadRowFound(RowKind.ACTION, message.action_id, "compose", why.reason, detail),
        )
        group.bad.append(bad)
        if self._channel_breakers.unrendered(message.template, message.action_id):
            until = self._channel_breakers.template_failed(message.template, detail, now)
            theirs = [one for one in group.bad if one.template == message.template]
            group.bad = [one for one in group.bad if one.template != message.template]
            group.moves += [_given_back(one.claim, one.found.detail, until) for one in theirs]


def follow_verdict(message: PendingMessage, verdict: Verdict) -> Move:
    """Return the move of a message that a gate did not let pass.

    After a refusal the step's next channel is tried, unless the refusal is final; hold and defer keep the channel.
    """
    match verdict:
        case Refuse(reason, state, final):
            return _refused(message if not final else message._replace(next_channels=()), state, reason)
        case Defer(reason, until):
            return Move(message.action_id, message.fence, State.DEFERRED, reason, due_at=until)
        case Hold(reason):
            return Move(message.action_id, message.fence, State.HELD, reason)
        case Pass():
            raise ValueError("a message that passes is composed")


def _refused(message: PendingMessage, state: State, reason: str, detail: str = "") -> Move:
    """Return the move of a message that ends in ``state``, with which its step's next channel is tried.

    One that may have been sent already stays unknown: on another channel it would come twice.
    """
    if message.send_key is not None and message.in_doubt:
        known, why = message.send_key.certain, DeliveryReason.NO_ANSWER
        return Move(message.action_id, message.fence, State.UNKNOWN, why, f"refused: {reason}", send_key=known)
    following = message.next_channels
    return Move(
        message.action_id,
        message.fence,
        state,
        reason,
        detail,
        next_channel=following[0] if following else None,
        later_channels=following[1:],
    )


def _given_back(claim: HasFence, detail: str, due_at: int | None) -> Move:
    return Move(
        claim.action_id, claim.fence, State.QUEUED, DeliveryReason.CODE_AT_FAULT, detail[:_MAX_DETAIL], due_at=due_at
    )


def _unreadable(one: Unreadable) -> BadMessage:
    found = BadRowFound(RowKind.ACTION, one.claim.action_id, "load", DeliveryReason.ROW_UNREADABLE, one.detail)
    return BadMessage(one.claim, "", found)
