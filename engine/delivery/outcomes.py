"""What follows from a provider's answer: the only place that decides about retries."""

import zlib

from adapters.base import Answer, Outcome
from engine.actions.moves import GoneAddress, Move
from engine.actions.send_keys import NO_SEND_KEY, SendKey
from engine.actions.states import State
from engine.clock import HOUR
from engine.delivery.pending_message import PendingMessage
from engine.delivery.reasons import DeliveryReason
from engine.settings import DeliverySettings

LONGEST_WAIT = 6 * HOUR
_JITTER = 0.25
MAX_DETAIL = 300
"""How many characters of a provider's text are stored."""
GONE_DETAIL = "the address is gone and gets nothing more"
"""What the log says of a message whose address does not exist any more."""


def retry_wait(action_id: int, tries: int, first_wait: int) -> int:
    """Return the milliseconds to wait after hand-off number ``tries``: doubling, up to six hours, with jitter.

    The jitter, up to a quarter either way, is derived from the action's id, so that a replay waits equally long.
    """
    wait = min(first_wait * (1 << min(tries - 1, 30)), LONGEST_WAIT)
    share = zlib.crc32(f"{action_id}.{tries}".encode()) / 2**32
    return round(wait * (1 + _JITTER * (2 * share - 1)))


def follow(
    pending: PendingMessage,
    answer: Answer,
    adapter: str,
    now: int,
    settings: DeliverySettings,
    *,
    key: SendKey | None = None,
) -> Move:
    """Return the move that follows from ``answer`` to the latest hand-off, which was made with ``key``."""
    tries = pending.tries + 1
    state, reason, due_at, counted = State.FAILED, answer.reason or answer.outcome.value, None, 0
    via, kept = None, None
    match answer.outcome:
        case Outcome.ACCEPTED:
            state, reason = State.ACCEPTED, answer.reason or DeliveryReason.ACCEPTED
            kept = key.certain if key is not None and key.doubt_since is not None else None
        case Outcome.REJECTED:
            kept = NO_SEND_KEY if key is not None else None  # if a person has it sent all the same, it is another one
        case Outcome.RETRY if tries >= settings.tries and key is not None and key.doubt_since is not None:
            said = answer.detail[:MAX_DETAIL]
            return unknown(pending.action_id, pending.fence, tries, reason, said, now=now, settings=settings, key=key)
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
                pending.action_id,
                pending.fence,
                tries,
                reason,
                provider_text,
                detail=place,
                now=now,
                settings=settings,
                key=key,
            )._replace(adapter=adapter, reference=answer.reference or None)  # by which a receipt finds it
    move = Move(
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
        send_key=kept,
    )
    return _without_address(move, pending, adapter) if answer.gone and pending.suppression_form else move


def _without_address(move: Move, pending: PendingMessage, adapter: str) -> Move:
    """Return ``move`` with what follows if the address is gone: it is suppressed, and the step's next channel is tried."""
    gone = GoneAddress(pending.channel, pending.suppression_form or "", adapter)
    following = pending.next_channels if move.state is State.FAILED else ()
    return move._replace(
        gone=gone,
        detail=move.detail or GONE_DETAIL,
        next_channel=following[0] if following else None,
        later_channels=following[1:],
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
    key: SendKey | None = None,
) -> Move:
    """Return the move of an action that may or may not have been sent: unknown or sent again.

    It is sent again if the provider recognises ``key``, at once and then with growing waits; otherwise by policy.
    ``provider_text`` is empty if the provider said nothing; ``detail`` is the place of an adapter's bug.
    """
    via = (State.UNKNOWN, reason)
    move = Move(action_id, fence, State.RETRYING, DeliveryReason.RESENT, detail, provider_text, via=via)
    if key is not None:
        due_at = now if tries <= 1 else now + retry_wait(action_id, tries - 1, settings.retry_after)
        if tries < settings.tries and due_at < key.until:
            return move._replace(reason=DeliveryReason.REPEATED, due_at=due_at, send_key=key.doubted(now))
        move = move._replace(send_key=key.certain)
    if settings.unknown == "hold" or tries >= settings.tries:
        return move._replace(state=State.UNKNOWN, reason=reason, via=None)
    return move._replace(due_at=now + retry_wait(action_id, tries, settings.retry_after))
