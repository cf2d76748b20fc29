"""The circuit breakers of one channel: they open on a bug in the program or in a template.

A bug in a gate or in loading stops the channel; a bug in rendering stops only the template, so that a broken newsletter
does not hold up password resets. Both resume by themselves: after a pause, which grows, one message is tried. The
message that failed waits longer than the pause, so that the trial is another message: if only that message triggers the
bug, the others get through.
"""

from collections.abc import Iterable, Iterator

import structlog

from engine.breaker import CODE_AT_FAULT, LONGEST_PAUSE, Alarm, Breaker
from engine.delivery.reasons import DeliveryReason
from engine.store.quarantine import A_FEW

_FASTER = 8
"""Factor by which batches grow again with each success after a stop."""

_log = structlog.get_logger("habitue.delivery")


class ChannelBreakers:
    """The breakers of one channel and of its templates, in this worker."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._whole = Breaker(f"sending by {channel} has stopped")
        self._templates: dict[str, Breaker] = {}
        self._unrendered: dict[str, set[int]] = {}
        """Template -> actions in a row that could not be rendered with their user's values."""
        self._unreadable: set[int] = set()
        """Actions in a row that could not be loaded."""
        self._limit: int | None = None

    # --- the channel --------------------------------------------------------------------------------------------

    def paused(self, now: int) -> bool:
        """Tell whether the channel has stopped."""
        return self._whole.paused(now)

    @property
    def trying(self) -> bool:
        """Whether the next batch is a trial."""
        return self._whole.trying

    def limit(self, batch: int) -> int:
        """Return how many messages to claim: ``batch``, or fewer after a stop."""
        return batch if self._limit is None else min(self._limit, batch)

    def fail(self, detail: str, now: int) -> int:
        """Stop the channel; return when the message that failed may be retried."""
        if self._whole.down(DeliveryReason.CODE_AT_FAULT, detail, now):
            _log.error(CODE_AT_FAULT, channel=self._channel, error=detail, alarm=str(self._whole.alarm))
        self._limit = 1
        return _behind(self._whole, now)

    def unreadable(self, actions: Iterable[int]) -> bool:
        """Note that a batch could load none but bad rows; return whether these are too many in a row."""
        self._unreadable.update(actions)
        return len(self._unreadable) > A_FEW

    def loaded(self) -> None:
        """Note that loading works."""
        self._unreadable.clear()

    def worked(self, batch: int) -> None:
        """Note that a batch was loaded and passed the gates without an error."""
        if self._whole.up():
            _log.info("channel_resumed", channel=self._channel)
        if self._limit is not None:
            self._limit = self._limit * _FASTER if self._limit * _FASTER < batch else None

    # --- templates ----------------------------------------------------------------------------------------------

    def template_until(self, template: str, now: int) -> int | None:
        """Return until when ``template`` is stopped; None if it is not."""
        breaker = self._templates.get(template)
        return breaker.alarm.until if breaker and breaker.alarm and breaker.paused(now) else None

    def template_failed(self, template: str, detail: str, now: int) -> int:
        """Stop ``template``; return when the message that failed may be retried."""
        breaker = self._templates.setdefault(template, Breaker(f"template `{template}` has stopped"))
        if breaker.down(DeliveryReason.CODE_AT_FAULT, detail, now):
            _log.error(CODE_AT_FAULT, template=template, error=detail, alarm=str(breaker.alarm))
        return _behind(breaker, now)

    def unrendered(self, template: str, action_id: int) -> bool:
        """Note that a message lacks values that ``template`` needs; return whether there are too many in a row.

        A message that is retried counts only once.
        """
        failed = self._unrendered.setdefault(template, set())
        failed.add(action_id)
        return len(failed) > A_FEW

    def rendered(self, template: str) -> None:
        """Note that ``template`` works."""
        self._unrendered.pop(template, None)
        breaker = self._templates.pop(template, None)
        if breaker:
            _log.info("template_resumed", template=template)

    def forget(self) -> None:
        """Resume everything, because the content was replaced."""
        self._templates.clear()
        self._unrendered.clear()
        self._unreadable.clear()
        self._whole.up()
        self._limit = None

    @property
    def alarms(self) -> Iterator[Alarm]:
        """The alarms of everything that is stopped."""
        for breaker in (self._whole, *self._templates.values()):
            if breaker.alarm:
                yield breaker.alarm


def _behind(breaker: Breaker, now: int) -> int:
    return (breaker.alarm.until if breaker.alarm else now) + LONGEST_PAUSE
