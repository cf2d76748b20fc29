"""The keys of a group of messages, fetched before its hand-off, from providers that recognise second copies by them.

They are stored with the hand-off. Then a message that may have been sent is sent again with the same key (see
``outcomes.unknown``), whatever ``delivery.unknown`` says. Once the key has expired, or another adapter serves the
channel, such a message is unknown like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.base import Adapter, Answer, GivesSendKeys
from engine.actions.moves import Move
from engine.actions.send_keys import NO_SEND_KEY, SendKey
from engine.actions.states import State
from engine.clock import SECOND, Clock
from engine.delivery.adapter_call import ask_for_keys, margin
from engine.delivery.pending_message import PendingMessage
from engine.delivery.reasons import DeliveryReason
from engine.settings import DeliverySettings


@dataclass(frozen=True, slots=True)
class Keyed:
    """The keys of messages by action id, and the moves of those that must not be sent with any key that there is."""

    keys: Mapping[int, SendKey] = field(default_factory=dict)
    moves: Sequence[Move] = ()


class SendKeys:
    """Finds keys for the messages of one channel."""

    def __init__(self, adapter: Adapter | None, clock: Clock, settings: DeliverySettings, *, repeatable: bool) -> None:
        """``repeatable``: the adapter's provider recognises ``Message.key``, so that no other key is needed."""
        self._adapter = adapter.name if adapter else None
        self._giving = _giving(adapter) if adapter else None
        self._repeatable = repeatable
        self._clock = clock
        self._settings = settings

    def concern(self, messages: Sequence[PendingMessage]) -> bool:
        """Tell whether any of ``messages`` has a key or needs one; with most adapters, none does."""
        return self._giving is not None or self._repeatable or any(one.send_key is not None for one in messages)

    async def fetch(self, messages: Sequence[PendingMessage]) -> Keyed | Answer:
        """Return the keys of ``messages``; if the provider gives none, the answer that says why."""
        now = self._clock.now()
        keys = {one.action_id: one.send_key for one in messages if one.send_key is not None and self._valid(one, now)}
        others = [one for one in messages if one.action_id not in keys]
        doubtful = [one for one in others if one.in_doubt] if self._settings.unknown == "hold" else []
        moves = [
            Move(one.action_id, one.fence, State.UNKNOWN, DeliveryReason.NO_ANSWER, send_key=NO_SEND_KEY)
            for one in doubtful
        ]
        given = await self._new([one for one in others if one not in doubtful], now)
        return given if isinstance(given, Answer) else Keyed({**keys, **given}, moves)

    def _valid(self, message: PendingMessage, now: int) -> bool:
        """Tell whether the provider still recognises the message's key."""
        key = message.send_key
        recognised = self._giving is not None or self._repeatable
        return recognised and key is not None and key.until > now and message.adapter == self._adapter

    async def _new(self, messages: Sequence[PendingMessage], now: int) -> Mapping[int, SendKey] | Answer:
        if self._repeatable:
            return {one.action_id: SendKey(one.key, one.expires_at) for one in messages}
        if self._giving is None:
            return {one.action_id: NO_SEND_KEY for one in messages if one.send_key is not None}
        if not messages:
            return {}
        given = await ask_for_keys(self._giving, len(messages), margin(self._settings.lease) / SECOND)
        if isinstance(given, Answer):
            return given
        until = now + self._giving.send_key_lifetime
        return {one.action_id: SendKey(key, until) for one, key in zip(messages, given, strict=True)}


def _giving(adapter: Adapter) -> GivesSendKeys | None:
    return adapter if isinstance(adapter, GivesSendKeys) else None
