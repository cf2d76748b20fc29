"""The part of a lane that talks to the adapter: from the committed hand-off to the recorded answer.

At most ``in_flight`` messages are between hand-off and recorded answer. An answer makes room as soon as it is posted to
the journal: the journal commits in order, so the next hand-off is committed together with the answer, or after it.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Self

import structlog

from adapters.base import Adapter, Answer, Message, Outcome
from engine.actions.moves import Move
from engine.actions.send_keys import SendKey
from engine.actions.states import State
from engine.breaker import Breaker
from engine.clock import HOUR, Clock
from engine.delivery.adapter_breaker import AdapterBreaker
from engine.delivery.adapter_call import AdapterCalls, margin
from engine.delivery.journal import Journal, Written
from engine.delivery.outcomes import follow
from engine.delivery.pauses import PauseWatch, put_back, route_of
from engine.delivery.pending_message import PendingMessage
from engine.delivery.reasons import DeliveryReason
from engine.delivery.second_look import FRESH_FOR, AskAgain, refused_before_sending
from engine.delivery.tally import Tally
from engine.settings import DeliverySettings

LONGEST_AFTER_BUG = HOUR
"""The longest pause after a bug in an adapter: each trial can leave one message unknown."""

_log = structlog.get_logger("habitue.delivery")


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message whose hand-off is committed; its lease ends at ``lease_until``.

    ``asked_at`` is when the gates were last asked, in the seconds of the event loop. ``key`` is stored with the hand-off;
    None if the adapter's provider recognises none.
    """

    pending: PendingMessage
    message: Message
    lease_until: int
    asked_at: float
    key: SendKey | None = None


class Sender:
    """Sends a lane's messages, with as many tasks as the adapter's concurrency. Use as an async context manager."""

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        adapter: Adapter | None,
        breaker: AdapterBreaker,
        in_flight: int,
        journal: Journal,
        tally: Tally,
        clock: Clock,
        settings: DeliverySettings,
        pauses: PauseWatch,
        ask_again: AskAgain,
        silence: Breaker,
    ) -> None:
        """``adapter`` may be None: then the gates refuse all messages, and nothing is sent.

        ``silence`` ends with each answer.
        """
        self._silence = silence
        self.answered_at = 0.0
        """When the adapter answered last, in the seconds of the event loop."""
        self.outstanding = 0
        """How many messages are between hand-off and recorded answer, or have room reserved for it."""
        self._pauses = pauses
        self._ask_again = ask_again
        self._adapter = adapter
        self._calls = AdapterCalls(adapter, settings.lease) if adapter else None
        self._breaker = breaker
        self._in_flight = in_flight
        self._journal = journal
        self._tally = tally
        self._clock = clock
        self._settings = settings
        self._credits = asyncio.Semaphore(in_flight)
        self._outbox: asyncio.Queue[OutgoingMessage] = asyncio.Queue()
        self._unrecorded: set[asyncio.Future[Written]] = set()
        self._failure: asyncio.Future[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start the tasks."""
        number = self._adapter.concurrency if self._adapter else 0
        self._tasks = [asyncio.create_task(self._send_all()) for _ in range(number)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the tasks, and record the answers that have come; call ``drained`` first to have all of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._record()

    async def acquire(self, count: int) -> None:
        """Wait until ``count`` more messages may be in flight.

        Raises:
            Exception: an answer could not be recorded.
        """
        for _ in range(count):
            await self._credits.acquire()
            self.outstanding += 1
        self._raise_failure()

    def release(self, count: int = 1) -> None:
        """Return unused credits."""
        self.outstanding -= count
        for _ in range(count):
            self._credits.release()

    def send(self, outgoing: OutgoingMessage) -> None:
        """Queue a message for sending; one credit must have been acquired for it."""
        self._outbox.put_nowait(outgoing)

    def offered_nothing(self, answer: Answer) -> None:
        """Pause the adapter because of ``answer``, which it gave before any message could be handed to it."""
        self._watch(replace(answer, outcome=Outcome.ADAPTER_DOWN), self._clock.now())

    async def drained(self) -> None:
        """Wait until every hand-off has its answer recorded.

        Raises:
            Exception: an answer could not be recorded.
        """
        for _ in range(self._in_flight):
            await self._credits.acquire()
        for _ in range(self._in_flight):
            self._credits.release()
        await self._record()
        self._raise_failure()

    async def _record(self) -> None:
        """Wait until the posted answers are recorded, or failed to be."""
        while self._unrecorded:
            self._journal.flush()
            await asyncio.wait(self._unrecorded)

    async def _send_all(self) -> None:
        while True:
            outgoing = await self._outbox.get()
            try:
                move = await self._send(outgoing)
            except Exception as error:  # noqa: BLE001 - the lane raises it; the message's lease ends as unknown
                self._fail(error)
            else:
                written = self._journal.post([move])
                self._unrecorded.add(written)
                written.add_done_callback(partial(self._recorded, move))
            self.release()

    async def _send(self, outgoing: OutgoingMessage) -> Move:
        assert self._adapter is not None
        assert self._calls is not None
        pending, now = outgoing.pending, self._clock.now()
        if self._breaker.paused(now):
            return Move(pending.action_id, pending.fence, State.QUEUED, pause_reason(self._breaker), tries=-1)
        left = outgoing.lease_until - now
        if left <= margin(self._settings.lease):
            return Move(pending.action_id, pending.fence, State.QUEUED, DeliveryReason.LEASE_RAN_OUT, tries=-1)
        if asyncio.get_running_loop().time() - outgoing.asked_at > FRESH_FOR:
            refused = await refused_before_sending(self._ask_again, pending, self._journal)
            if refused is not None:
                return refused
        stop = await self._pauses.stopping(route_of(pending, self._adapter.name))
        if stop is not None:
            return put_back(pending.action_id, pending.fence, stop, tries=-1)
        begin = partial(self._journal.in_flight.begun, pending)
        answer = await self._calls.ask(outgoing.message, left, begin)
        if answer.outcome is not Outcome.UNKNOWN:
            self.answered_at = asyncio.get_running_loop().time()
            self._silence.up()
        if answer.outcome is Outcome.ACCEPTED:
            self._journal.in_flight.accepted(pending, self._adapter.name, answer.reference)
        return self._follow(outgoing, answer, self._adapter.name)

    def _follow(self, outgoing: OutgoingMessage, answer: Answer, adapter: str) -> Move:
        """Tell the breaker of ``answer``; return the message's move."""
        pending, now = outgoing.pending, self._clock.now()
        if answer.outcome is not Outcome.SENDING_REFUSED:
            self._watch(answer, now)
            return follow(pending, answer, adapter, now, self._settings, key=outgoing.key)
        refused = self._breaker.refused(pending.action_id, outgoing.message.recipient, answer, now)
        if refused.paused:
            _log.error("adapter_down", alarm=str(self._breaker.alarm))
        if refused.own_fault:
            retried = replace(answer, outcome=Outcome.RETRY)
            return follow(pending, retried, adapter, now, self._settings, key=outgoing.key)
        return follow(pending, answer, adapter, now, self._settings)._replace(due_at=refused.due_at)

    def _watch(self, answer: Answer, now: int) -> None:
        if answer.reason == DeliveryReason.ADAPTER_ERROR:
            if self._breaker.down(DeliveryReason.ADAPTER_ERROR, answer.detail, now, LONGEST_AFTER_BUG):
                _log.error("adapter_error", error=answer.detail, alarm=str(self._breaker.alarm))
        elif answer.outcome is Outcome.ADAPTER_DOWN:
            if self._breaker.down(answer.reason, answer.detail, now):
                _log.error("adapter_down", alarm=str(self._breaker.alarm))
        elif answer.outcome is Outcome.ACCEPTED:
            self._resumed(self._breaker.accepted())
        elif answer.outcome is not Outcome.UNKNOWN:
            self._resumed(self._breaker.answered())

    def _resumed(self, was_down: bool) -> None:
        if was_down:
            _log.info("adapter_up", adapter=self._adapter.name if self._adapter else "")

    def _recorded(self, move: Move, written: "asyncio.Future[Written]") -> None:
        self._unrecorded.discard(written)
        try:
            if move.action_id in written.result():
                self._tally.count([move])
        except Exception as error:  # noqa: BLE001 - the lane raises it at its end
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
            self._failure.set_exception(error)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._failure.result()


def pause_reason(breaker: Breaker) -> DeliveryReason:
    """Return why messages wait for a paused adapter: its own bug, or the provider."""
    broken = breaker.alarm is not None and breaker.alarm.reason == DeliveryReason.ADAPTER_ERROR
    return DeliveryReason.CODE_AT_FAULT if broken else DeliveryReason.ADAPTER_DOWN
