"""Messages that failed, may have been sent, or wait for a person."""

from collections.abc import Iterator

from sqlalchemy import text

from engine.actions.reasons import HandReason
from engine.actions.states import State
from engine.clock import DAY
from engine.explain.checks.base import CheckFinding, Installation, several
from engine.explain.health import COUNTED
from engine.incentives.reasons import CouponReason
from engine.playbooks.reasons import PlaybookReason

# By the partial index `action_failed`. What a person has resolved needs none any more.
_FAILED = text(
    "SELECT q.channel, q.reason, count(*) FROM"
    " (SELECT channel, reason FROM action WHERE state = 'failed' AND changed_at > :since"
    f" AND reason <> '{HandReason.NOT_SENT}'"
    " ORDER BY changed_at DESC LIMIT :limit) AS q GROUP BY q.channel, q.reason ORDER BY 3 DESC, 1, 2"
)


def failed(seen: Installation) -> Iterator[CheckFinding]:
    """Messages failed for good in the last 24 hours, by reason. Of very many, the newest are counted."""
    rows = seen.connection.execute(_FAILED, {"since": seen.now - DAY, "limit": COUNTED}).all()
    more = sum(row[2] for row in rows) >= COUNTED
    for channel, reason, count in rows:
        yield CheckFinding(
            "failed messages",
            f"{_counted(count, more=more)} by {channel or 'no channel'} failed in the last 24 hours: {reason}",
            f"`habitue log --state failed --reason {reason} --since 24h` lists them; once the cause is mended,"
            f" `habitue resend --logged-reason {reason} --since 24h` sends those that are still wanted",
        )


def unknown(seen: Installation) -> Iterator[CheckFinding]:
    """Nobody knows whether these were sent."""
    for depth in seen.store.held_or_unknown:
        if depth.state == State.UNKNOWN:
            yield CheckFinding(
                "unknown messages",
                f"{_counted(depth.count, more=depth.more)} by {depth.channel or 'no channel'} may have been sent: {depth.reason}",
                "ask the provider whether they arrived: `habitue log --state unknown` lists them; then decide with"
                " `habitue resolve sent`, `not-sent` or `send-again`",
            )


def held(seen: Installation) -> Iterator[CheckFinding]:
    """These wait for a person, or for codes."""
    for depth in seen.store.held_or_unknown:
        if depth.state == State.HELD:
            listed = f"`habitue log --state held --reason {depth.reason}` lists them"
            codes = f"import codes: `habitue coupons import`; {listed}"
            decided = f"{listed}; `habitue release --logged-reason {depth.reason}` sends them, `habitue cancel action` does not"
            retired = f"what becomes of them is said of their playbook; {decided}"
            remedies = {CouponReason.POOL_EMPTY.value: codes, PlaybookReason.RETIRED.value: retired}
            yield CheckFinding(
                "held messages",
                f"{_counted(depth.count, more=depth.more)} by {depth.channel or 'no channel'} wait: {depth.reason}",
                remedies.get(depth.reason, decided),
            )


def _counted(count: int, *, more: bool) -> str:
    return f"{count:,} or more messages" if more else several(count, "message")
