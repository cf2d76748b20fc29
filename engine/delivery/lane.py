"""One channel's way to the wire, as one list: claim -> gates -> compose -> hand off -> send -> record.

Lanes share nothing but the journal, so that a slow provider holds up its own channel alone. A hand-off is committed
before the wire sees the message, and never more than ``in_flight`` of them are without a recorded answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from adapters.base import Adapter, Answer, Message, Outcome
from engine.actions.claims import Claims
from engine.actions.moves import Move
from engine.actions.states import State
from engine.clock import SECOND, Clock
from engine.delivery.breaker import Breaker
from engine.delivery.candidate import Candidate, Circumstances
from engine.delivery.compose import Composed, Composer
from engine.delivery.gates import Defer, Refuse, judge
from engine.delivery.journal import Journal
from engine.delivery.keeping import ContentKeeper
from engine.delivery.load import Loaded, Loader
from engine.delivery.outcomes import follow
from engine.delivery.reasons import Reason
from engine.delivery.tally import Tally
from engine.errors import RenderError
from engine.faults import trail
from engine.settings import DeliverySettings

_AT_A_STRETCH = 4
"""Messages that are composed before the wire has its turn: about half a millisecond."""

_log = structlog.get_logger("habitue.delivery")


@dataclass(frozen=True)
class Desk:
    """What all lanes work with.

    ``stopping`` says that the worker was told to stop, ``superseded`` that there is newer content than this loader's
    and composer's: then nothing more is claimed.
    """

    journal: Journal
    claims: Claims
    loader: Loader
    composer: Composer
    keeper: ContentKeeper
    settings: DeliverySettings
    circumstances: Callable[[int], Circumstances]
    clock: Clock
    tally: Tally
    stopping: Callable[[], bool]
    superseded: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A message whose hand-off is committed; the lease it has ends at ``lease_until``."""

    candidate: Candidate
    message: Message
    lease_until: int


class Lane:
    """Serves one channel until nothing of it is due."""

    def __init__(self, channel: str, adapter: Adapter | None, breaker: Breaker, in_flight: int, desk: Desk) -> None:
        """Serve ``channel`` through ``adapter``; without one, the gates refuse what there is."""
        self._channel = channel
        self._adapter = adapter
        self._breaker = breaker
        self._desk = desk
        self._group = max(1, in_flight // 2)
        self._credits = asyncio.Semaphore(in_flight)
        self._in_flight = in_flight
        self._outbox: asyncio.Queue[_Parcel] = asyncio.Queue()
        self._failure: asyncio.Future[None] | None = None

    async def work(self) -> int:
        """Deliver what is due; return how many actions were claimed. What is in flight is finished first."""
        senders = [
            asyncio.create_task(self._send_all()) for _ in range(self._adapter.concurrency if self._adapter else 0)
        ]
        try:
            return await self._feed()
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def _feed(self) -> int:
        claimed = 0
        upcoming = asyncio.create_task(self._claim())
        try:
            while loaded := await upcoming:
                claimed += len(loaded.candidates) + len(loaded.missing) + len(loaded.unreadable)
                trial = self._breaker.trying
                if not trial:
                    upcoming = asyncio.create_task(self._claim())
                await self._process(loaded)
                if trial:
                    await self._drained()
                    upcoming = asyncio.create_task(self._claim())
        finally:
            await asyncio.gather(upcoming, return_exceptions=True)
        await self._drained()
        return claimed

    # --- claim -------------------------------------------------------------------------------------------------

    async def _claim(self) -> Loaded | None:
        now = self._desk.clock.now()
        if self._halted(now) or self._desk.superseded():
            return None
        limit = 1 if self._breaker.trying else self._desk.settings.batch

        take = partial(self._desk.claims.take, channel=self._channel, now=now, limit=limit)
        claims = await self._desk.journal.run(take)
        return await asyncio.to_thread(self._desk.loader.load, self._channel, claims) if claims else None

    def _halted(self, now: int) -> bool:
        return self._desk.stopping() or self._breaker.paused(now)

    # --- gates, compose ----------------------------------------------------------------------------------------

    async def _process(self, loaded: Loaded) -> None:
        moves = [Move(*claim, State.FAILED, Reason.USER_MISSING) for claim in loaded.missing]
        moves += [Move(*claim, State.FAILED, Reason.ROW_UNREADABLE) for claim in loaded.unreadable]
        group: list[tuple[Candidate, Composed]] = []
        circumstances = self._desk.circumstances(self._desk.clock.now())
        for number, candidate in enumerate(loaded.candidates, start=1):
            prepared = self._prepare(candidate, circumstances)
            if isinstance(prepared, Move):
                moves.append(prepared)
            else:
                group.append((candidate, prepared))
            if len(group) >= self._group:
                await self._hand_off(group, moves)
                group, moves = [], []
            if not number % _AT_A_STRETCH:
                await asyncio.sleep(0)  # the wire goes on
        await self._hand_off(group, moves)

    def _prepare(self, candidate: Candidate, circumstances: Circumstances) -> Composed | Move:
        if self._halted(circumstances.now):
            reason = Reason.WORKER_STOPPED if self._desk.stopping() else Reason.ADAPTER_DOWN
            return Move(candidate.action_id, candidate.fence, State.QUEUED, reason)
        try:
            verdict = judge(candidate, circumstances)
            if isinstance(verdict, Refuse):
                return _refused(candidate, verdict)
            if isinstance(verdict, Defer):
                return Move(candidate.action_id, candidate.fence, State.DEFERRED, verdict.reason, due_at=verdict.until)
            return self._desk.composer.compose(candidate, circumstances.now)
        except RenderError as error:
            return Move(candidate.action_id, candidate.fence, State.FAILED, error.reason, str(error)[:300])
        except Exception as error:  # noqa: BLE001 - one row's fault; the others go on
            _log.error("compose_failed", action=candidate.action_id, error=trail(error))
            detail = f"{candidate.template}: {type(error).__name__}"
            return Move(candidate.action_id, candidate.fence, State.FAILED, Reason.RENDER_FAILED, detail)

    # --- hand off ----------------------------------------------------------------------------------------------

    async def _hand_off(self, group: Sequence[tuple[Candidate, Composed]], moves: Sequence[Move]) -> None:
        if not group and not moves:
            return
        await self._acquire(len(group))
        self._raise_failure()
        lease_until = self._desk.clock.now() + self._desk.settings.lease
        handed = [
            Move(
                candidate.action_id,
                candidate.fence,
                State.HANDED_OFF,
                Reason.GATES_PASSED,
                tries=1,
                lease_until=lease_until,
                content=self._desk.keeper.content(candidate, composed),
            )
            for candidate, composed in group
        ]
        written = await self._desk.journal.post([*moves, *handed], urgent=self._hungry)
        self._desk.tally.count([move for move in moves if move.action_id in written])
        for candidate, composed in group:
            if candidate.action_id in written:
                self._outbox.put_nowait(_Parcel(candidate, composed.message, lease_until))
            else:
                self._credits.release()

    async def _acquire(self, count: int) -> None:
        # Half of what may be in flight comes back at once: that many answers are company enough for the journal.
        for _ in range(count):
            await self._credits.acquire()

    @property
    def _hungry(self) -> bool:
        """Whether the wire will soon have nothing to do."""
        return self._adapter is None or self._outbox.qsize() < self._adapter.concurrency

    # --- send, record ------------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while True:
            parcel = await self._outbox.get()
            move = await self._send(parcel)
            self._desk.journal.post([move]).add_done_callback(partial(self._recorded, move))

    async def _send(self, parcel: _Parcel) -> Move:
        assert self._adapter is not None
        candidate, now = parcel.candidate, self._desk.clock.now()
        if self._breaker.paused(now):
            return Move(candidate.action_id, candidate.fence, State.QUEUED, Reason.ADAPTER_DOWN, tries=-1)
        left = parcel.lease_until - now
        if left <= self._desk.settings.lease // 10:
            return Move(candidate.action_id, candidate.fence, State.QUEUED, Reason.LEASE_RAN_OUT, tries=-1)
        answer = await self._ask(parcel.message, left / SECOND)
        now = self._desk.clock.now()
        self._watch(answer, now)
        return follow(candidate, answer, self._adapter.name, now, self._desk.settings)

    async def _ask(self, message: Message, seconds: float) -> Answer:
        assert self._adapter is not None
        try:
            async with asyncio.timeout(seconds):
                return await self._adapter.send(message)
        except TimeoutError:
            return Answer(Outcome.UNKNOWN, Reason.NO_ANSWER, "no answer within the lease")
        except Exception as error:  # noqa: BLE001 - an adapter's own mistake must not lose the answer
            _log.error("adapter_error", adapter=self._adapter.name, error=trail(error))
            return Answer(Outcome.UNKNOWN, Reason.ADAPTER_ERROR, type(error).__name__)

    def _watch(self, answer: Answer, now: int) -> None:
        if answer.outcome is Outcome.ADAPTER_DOWN:
            if self._breaker.down(answer.reason, answer.detail, now):
                _log.error("adapter_down", alarm=str(self._breaker.alarm))
        elif answer.outcome is not Outcome.UNKNOWN and self._breaker.up():
            _log.info("adapter_up", adapter=self._adapter.name if self._adapter else "")

    def _recorded(self, move: Move, written: asyncio.Future[frozenset[int]]) -> None:
        try:
            if move.action_id in written.result():
                self._desk.tally.count([move])
        except Exception as error:  # noqa: BLE001 - the feeder raises it, where it ends the lane
            self._fail(error)
        finally:
            self._credits.release()

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
            self._failure.set_exception(error)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._failure.result()

    async def _drained(self) -> None:
        """Wait until every hand-off has its answer recorded."""
        self._desk.journal.flush()
        await self._acquire(self._in_flight)
        for _ in range(self._in_flight):
            self._credits.release()
        self._raise_failure()


def _refused(candidate: Candidate, verdict: Refuse) -> Move:
    """Return the refusal and, where another channel may do, the step's next attempt there."""
    following = () if verdict.final else candidate.next_channels
    return Move(
        candidate.action_id,
        candidate.fence,
        verdict.state,
        verdict.reason,
        next_channel=following[0] if following else None,
        later_channels=following[1:],
    )
