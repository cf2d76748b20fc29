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
    tries, reason = pending.tries + 1, answer.reason or answer.outcome.value
    in_doubt = key is not None and key.doubt_since is not None
    match answer.outcome:
        case Outcome.UNKNOWN:
            return _in_the_dark(pending, answer, adapter, now=now, settings=settings, key=key)
        case Outcome.RETRY if tries >= settings.tries and in_doubt:
            said = answer.detail[:MAX_DETAIL]
            return unknown(pending.action_id, pending.fence, tries, reason, said, now=now, settings=settings, key=key)
        case Outcome.ADAPTER_DOWN if reason == DeliveryReason.ADAPTER_ERROR:
            place = answer.detail[:MAX_DETAIL]
            return Move(pending.action_id, pending.fence, State.QUEUED, DeliveryReason.CODE_AT_FAULT, place, tries=-1)
    state, said_reason, via = _next_state(answer, reason, tries, settings)
    move = Move(
        pending.action_id,
        pending.fence,
        state,
        said_reason,
        answer.reason if answer.reason != said_reason else "",
        answer.detail[:MAX_DETAIL],
        due_at=now + retry_wait(pending.action_id, tries, settings.retry_after) if state is State.RETRYING else None,
        tries=-1 if state is State.QUEUED else 0,
        adapter=adapter,
        reference=answer.reference or None,
        via=via,
        send_key=_kept_key(answer, key),
    )
    return _without_address(move, pending, adapter) if answer.gone and pending.suppression_form else move


def _next_state(
    answer: Answer, reason: str, tries: int, settings: DeliverySettings
) -> tuple[State, str, tuple[State, str] | None]:
    """Return the state that follows from an answer without doubt, its reason, and the state on the way there."""
    match answer.outcome:
        case Outcome.ACCEPTED:
            return State.ACCEPTED, answer.reason or DeliveryReason.ACCEPTED, None
        case Outcome.RETRY if tries >= settings.tries:
            return State.FAILED, DeliveryReason.TRIES_EXHAUSTED, (State.RETRYING, reason)
        case Outcome.RETRY:
            return State.RETRYING, reason, None
        case Outcome.ADAPTER_DOWN | Outcome.SENDING_REFUSED:
            return State.QUEUED, DeliveryReason.ADAPTER_DOWN, None
        case _:
            return State.FAILED, reason, None


def _kept_key(answer: Answer, key: SendKey | None) -> SendKey | None:
    """Return what the action has to remember of ``key`` after an answer without doubt; None to leave that unchanged."""
    if key is None:
        return None
    if answer.outcome is Outcome.ACCEPTED:
        return key.certain if key.doubt_since is not None else None
    # If a person has it sent all the same, it is another message.
    return NO_SEND_KEY if answer.outcome is Outcome.REJECTED else None


def _in_the_dark(
    pending: PendingMessage,
    answer: Answer,
    adapter: str,
    *,
    now: int,
    settings: DeliverySettings,
    key: SendKey | None,
) -> Move:
    """Return the move of a message of which the answer says that it may have been sent."""
    reason, provider_text, place = answer.reason or answer.outcome.value, answer.detail[:MAX_DETAIL], ""
    if reason == DeliveryReason.ADAPTER_ERROR:
        provider_text, place = place, provider_text
    move = unknown(
        pending.action_id,
        pending.fence,
        pending.tries + 1,
        reason,
        provider_text,
        detail=place,
        now=now,
        settings=settings,
        key=key,
    )
    return move._replace(adapter=adapter, reference=answer.reference or None)  # by which a receipt finds it


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
