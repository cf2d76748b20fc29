"""A provider that refuses more messages than usual: a blocked address, a bad list, a new policy."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import text

from engine.actions.reasons import HandReason
from engine.clock import DAY
from engine.explain.checks.base import CheckFinding, Installation

AT_LEAST = 20
"""With fewer answered messages, a share says nothing."""
_SAMPLE = 5_000
"""How many of the newest messages are looked at: enough for a share, whatever the number sent."""
# The newest hand-offs of the day by the index on their instants, however many there are. What a person says was not sent
# is no provider's answer.
_ANSWERED = text(
    "SELECT a.channel, a.state, a.reason, count(*) FROM (SELECT action_id FROM action_content WHERE at > :since"
    " ORDER BY at DESC LIMIT :sample) AS k JOIN action AS a ON a.id = k.action_id"
    " WHERE a.tries > 0 AND a.state IN ('accepted', 'delivered', 'opened', 'clicked', 'failed', 'bounced', 'complained')"
    f" AND a.reason <> '{HandReason.NOT_SENT}'"
    " GROUP BY a.channel, a.state, a.reason"
)
_REFUSED = frozenset({"failed", "bounced"})


def many_refused(seen: Installation) -> Iterator[CheckFinding]:
    """Too large a share of a channel's newest messages was refused; ``status.refused`` is the limit."""
    answered: Counter[str] = Counter()
    refused: dict[str, Counter[str]] = {}
    for channel, state, reason, count in seen.connection.execute(
        _ANSWERED, {"since": seen.now - DAY, "sample": _SAMPLE}
    ):
        answered[channel] += count
        if state in _REFUSED:
            refused.setdefault(channel, Counter())[reason] += count
    for channel, reasons in sorted(refused.items()):
        number, total = reasons.total(), answered[channel]
        if total >= AT_LEAST and number > total * seen.limits.refused:
            [(most, _)] = reasons.most_common(1)
            yield CheckFinding(
                f"channel {channel}",
                f"{number:,} of the last {total:,} messages of the last 24 hours were refused"
                f" ({number / total:.0%}, more than {seen.limits.refused:.0%}), mostly as {most}",
                f"`habitue log --channel {channel} --state failed --since 24h` shows the provider's words; stop sending"
                " if it blocks your address",
            )
