"""The breaker of an adapter: pauses it when its provider refuses us, and for no single message's sake.

If no message could even be offered (no connection, no login), the adapter is down at once. Any later refusal of us may
still be the fault of the one message, whatever the provider says. So it counts only when independent messages were
refused in a row: to recipients at two domains, or to three recipients. A message that was refused waits a little longer
than the pause, so that another one is the trial.
"""

from collections import OrderedDict
from dataclasses import dataclass

from adapters.base import Answer
from engine.breaker import LONGEST_PAUSE, Breaker
from engine.clock import MINUTE
from engine.delivery.outcomes import retry_wait

_DOMAINS, _RECIPIENTS = 2, 3
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Refused:
    """What follows from a refusal of us.

    ``due_at`` is when the message may be tried again. ``own_fault``: others were accepted since the same message was
    last refused, and the adapter never had to pause, so it is this message that the provider does not take. ``paused``:
    this refusal paused the adapter.
    """

    due_at: int
    own_fault: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class _Past:
    """How a message stood when it was last refused: how often that was, and what the adapter had done until then."""

    times: int = 0
    accepted: int = 0
    pauses: int = 0


class AdapterBreaker(Breaker):
    """Tells this worker whether an adapter may be used."""

    def __init__(self, adapter: str) -> None:
        super().__init__(f"adapter `{adapter}` is down")
        self._in_a_row: set[str] = set()
        """Recipients for whom sending was refused since anything was accepted."""
        self._accepted = 0
        self._pauses = 0
        """How often refusals of us have paused the adapter."""
        self._refused_us = False
        self._past: OrderedDict[int, _Past] = OrderedDict()
        """Of the messages that were refused last, by action."""

    def accepted(self) -> bool:
        """Note that the provider accepted a message; return whether the adapter had been down."""
        self._accepted += 1
        self._in_a_row.clear()
        self._refused_us = False
        return self.up()

    def answered(self) -> bool:
        """Note that the provider judged a message without accepting it; return whether the adapter had been down.

        That ends a pause for want of a connection, but says nothing about whether we are still refused.
        """
        return not self._refused_us and self.up()

    def refused(self, action_id: int, recipient: str, answer: Answer, now: int) -> Refused:
        """Note at ``now`` that the provider refused to send the message of ``action_id`` for us."""
        past = self._past.pop(action_id, _Past())
        own_fault = past.times > 0 and self._accepted > past.accepted and self._pauses == past.pauses
        if not own_fault:
            self._in_a_row.add(recipient.lower())
        paused = self._independent() and self.down(answer.reason, answer.detail, now)
        if paused:
            self._refused_us = True
            self._pauses += 1
        self._remember(action_id, _Past(past.times + 1, self._accepted, self._pauses))
        behind = min(retry_wait(action_id, past.times + 1, MINUTE), LONGEST_PAUSE)
        return Refused(max(self.alarm.until if self.alarm else now, now) + behind, own_fault, paused)

    def _independent(self) -> bool:
        domains = {recipient.rpartition("@")[2] for recipient in self._in_a_row if "@" in recipient}
        return len(domains) >= _DOMAINS or len(self._in_a_row) >= _RECIPIENTS

    def _remember(self, action_id: int, past: _Past) -> None:
        self._past[action_id] = past
        if len(self._past) > _REMEMBERED:
            self._past.popitem(last=False)
