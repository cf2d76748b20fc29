"""One call of an adapter: its time limits, and what a time-out or a bug in it means for the message.

Only from its departure on may a message have been sent. An adapter that does not tell of departures is taken to begin
with one.
"""

import asyncio
from collections.abc import Callable, Sequence

from adapters.base import Adapter, Answer, GivesSendKeys, Message, Outcome, TellsDeparture
from engine.clock import SECOND
from engine.delivery.reasons import DeliveryReason
from engine.faults import trail


def margin(lease: int) -> int:
    """Return how much of a lease has to be left for a message to be sent, in milliseconds."""
    return lease // 10


class AdapterCalls:
    """Calls one adapter. Whatever it does, there is an answer."""

    def __init__(self, adapter: Adapter, lease: int) -> None:
        self._adapter = adapter
        self._telling = adapter if isinstance(adapter, TellsDeparture) else None
        self._margin = margin(lease)

    async def ask(self, message: Message, left: int, begin: Callable[[], bool]) -> Answer:
        """Hand ``message`` over, with ``left`` milliseconds of its lease; call ``begin`` before the provider can have it.

        If ``begin`` returns False, the message is not sent.
        """
        departure = _Departure(left, self._margin, begin)
        try:
            async with departure.limit:
                answer = await self._send(message, departure)
                if not isinstance(answer, Answer):
                    raise TypeError(f"the adapter `{self._adapter.name}` returned no answer")
                return answer
        except TimeoutError:
            if departure.has_been:
                return Answer(Outcome.UNKNOWN, DeliveryReason.NO_ANSWER, "no answer within the lease")
            return Answer(Outcome.RETRY, DeliveryReason.TOO_SLOW)
        except asyncio.CancelledError as error:
            if _being_cancelled():
                raise
            return _adapter_error(error, departure)
        except Exception as error:  # noqa: BLE001 - a bug in the adapter
            return _adapter_error(error, departure)

    async def _send(self, message: Message, departure: "_Departure") -> object:
        if self._telling is not None:
            return await self._telling.send_telling(message, departure.now)
        departure.now()
        return await self._adapter.send(message)


async def ask_for_keys(adapter: GivesSendKeys, count: int, seconds: float) -> Sequence[str] | Answer:
    """Return ``count`` keys of the adapter's provider, or the answer that says why there are none, within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            given = await adapter.send_keys(count)
            if isinstance(given, Answer):
                return given
            if len(given) != count or len({key for key in given if key}) != count:
                raise TypeError("the adapter did not return as many different keys as it was asked for")
            return given
    except TimeoutError:
        return Answer(Outcome.ADAPTER_DOWN, DeliveryReason.NO_SEND_KEYS, DeliveryReason.NO_SEND_KEYS.sentence)
    except asyncio.CancelledError as error:
        if _being_cancelled():
            raise
        return Answer(Outcome.ADAPTER_DOWN, DeliveryReason.ADAPTER_ERROR, trail(error))
    except Exception as error:  # noqa: BLE001 - a bug in the adapter
        return Answer(Outcome.ADAPTER_DOWN, DeliveryReason.ADAPTER_ERROR, trail(error))


class _Departure:
    """Whether the message may have been sent, and the limit of the call's time, which depends on that."""

    def __init__(self, left: int, margin: int, begin: Callable[[], bool]) -> None:
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._answer_by = self._loop.time() + left / SECOND
        # If it does not depart, there has to be time left to record that before the lease ends.
        self._depart_by = self._answer_by - margin / SECOND
        self.limit = asyncio.timeout_at(self._depart_by)
        self.has_been = False

    def now(self) -> None:
        """The message departs.

        Raises:
            TimeoutError: it is too late, because the process was suspended; another worker may have the message.
        """
        if self._loop.time() > self._depart_by or not self._begin():
            raise TimeoutError
        self.has_been = True
        if not self.limit.expired():
            self.limit.reschedule(self._answer_by)


def _adapter_error(error: BaseException, departure: _Departure) -> Answer:
    """Return what follows from a bug: the adapter pauses, and only a message that has departed is in doubt."""
    outcome = Outcome.UNKNOWN if departure.has_been else Outcome.ADAPTER_DOWN
    return Answer(outcome, DeliveryReason.ADAPTER_ERROR, trail(error))


def _being_cancelled() -> bool:
    """Tell whether this task is to end, rather than a cancellation inside the adapter having leaked out of it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
