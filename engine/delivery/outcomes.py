"""What follows from a provider's answer: the only place that decides about retries."""

import zlib

from adapters.base import Answer, Outcome
from engine.actions.moves import Move
from engine.actions.states import State
from engine.clock import HOUR
from engine.delivery.pending_message import PendingMessage
from engine.delivery.reasons import DeliveryReason
from engine.settings import DeliverySettings

LONGEST_WAIT = 6 * HOUR
_JITTER = 0.25
MAX_DETAIL = 300
"""How many characters of a provider's text are stored."""


def retry_wait(action_id: int, tries: int, first_wait: int) -> int:
    """Return the milliseconds to wait after hand-off number ``tries``: doubling, up to six hours, with jitter.

    The jitter, up to a quarter either way, is derived from the action's id, so that a replay waits equally long.
    """
    wait = min(first_wait * (1 << min(tries - 1, 30)), LONGEST_WAIT)
    share = zlib.crc32(f"{action_id}.{tries}".encode()) / 2**32
    return round(wait * (1 + _JITTER * (2 * share - 1)))


def follow(pending: PendingMessage, answer: Answer, adapter: str, now: int, settings: DeliverySettings) -> Move:
    """Return the move that follows from ``answer`` to the latest hand-off."""
    tries = pending.tries + 1
    state, reason, due_at, counted = State.FAILED, answer.reason or answer.outcome.value, None, 0
    via = None
    match answer.outcome:
        case Outcome.ACCEPTED:
            state, reason = State.ACCEPTED, answer.reason or DeliveryReason.ACCEPTED
        case Outcome.REJECTED:
            pass
        case Outcome.RETRY if tries >= settings.tries:
            via, reason = (State.RETRYING, reason), DeliveryReason.TRIES_EXHAUSTED
        case Outcome.RETRY:
            state, due_at = State.RETRYING, now + retry_wait(pending.action_id, tries, settings.retry_after)
        case Outcome.ADAPTER_DOWN if reason == DeliveryReason.ADAPTER_ERROR:
            place = answer.detail[:MAX_DETAIL]
            return Move(pending.action_id, pending.fence, State.QUEUED, DeliveryReason.CODE_AT_FAULT, place, tries=-1)
        case Outcome.ADAPTER_DOWN | Outcome.SENDING_REFUSED:
            state, reason, counted = State.QUEUED, DeliveryReason.ADAPTER_DOWN, -1
        case Outcome.UNKNOWN:
            provider_text, place = answer.detail[:MAX_DETAIL], ""
            if reason == DeliveryReason.ADAPTER_ERROR:
                provider_text, place = place, provider_text
            return unknown(
                pending.action_id, pending.fence, tries, reason, provider_text, detail=place, now=now, settings=settings
            )
    return Move(
        pending.action_id,
        pending.fence,
        state,
        reason,
        answer.reason if answer.reason != reason else "",
        answer.detail[:MAX_DETAIL],
        due_at=due_at,
        tries=counted,
        adapter=adapter,
        reference=answer.reference or None,
        via=via,
    )


def unknown(
    action_id: int,
    fence: int,
    tries: int,
    reason: str,
    provider_text: str = "",
    *,
    detail: str = "",
    now: int,
    settings: DeliverySettings,
) -> Move:
    """Return the move of an action that may or may not have been sent: unknown or, by policy, sent again.

    ``provider_text`` is empty if the provider said nothing; ``detail`` is the place of an adapter's bug.
    """
    if settings.unknown == "hold" or tries >= settings.tries:
        return Move(action_id, fence, State.UNKNOWN, reason, detail, provider_text)
    due_at = now + retry_wait(action_id, tries, settings.retry_after)
    via = (State.UNKNOWN, reason)
    return Move(action_id, fence, State.RETRYING, DeliveryReason.RESENT, detail, provider_text, due_at=due_at, via=via)
