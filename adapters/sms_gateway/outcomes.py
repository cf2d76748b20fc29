"""What a gateway's replies mean for delivery: by the configured patterns, and by HTTP status if none is found."""

import re
from collections.abc import Iterable
from re import Pattern

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.details import without_addresses
from adapters.http.outcomes import by_status
from adapters.reasons import AUTH_FAILED, NUMBER_UNUSABLE, PROTOCOL_ERROR, AnswerReason
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.sms_gateway.reasons import GATEWAY_CLOSED, GATEWAY_DEFERRED, GATEWAY_REFUSED

_LONGEST = 4_000
"""Characters of a body that patterns are searched for in."""


class Reader:
    """Reads the replies of one gateway."""

    def __init__(self, options: SmsGatewayOptions) -> None:
        self._refusals: tuple[tuple[Pattern[str], Outcome, AnswerReason], ...] = tuple(
            (re.compile(pattern), outcome, reason)
            for pattern, outcome, reason in (
                (options.down_pattern, Outcome.ADAPTER_DOWN, AUTH_FAILED),
                (options.refused_pattern, Outcome.SENDING_REFUSED, GATEWAY_CLOSED),
                (options.gone_pattern, Outcome.REJECTED, NUMBER_UNUSABLE),
                (options.rejected_pattern, Outcome.REJECTED, GATEWAY_REFUSED),
                (options.retry_pattern, Outcome.RETRY, GATEWAY_DEFERRED),
            )
            if pattern
        )
        self._success = re.compile(options.success_pattern)
        self._reference = re.compile(options.reference_pattern) if options.reference_pattern else None

    def classified(self, reply: Reply, key: str, private: Iterable[str]) -> Answer:
        """Classify the reply to the message with ``key``. ``private`` are texts that the answer must not repeat.

        A success whose body fits no pattern may have sent the message, or not: nobody knows.
        """
        body = reply.body.decode("utf-8", "replace")[:_LONGEST]
        detail = without_addresses(body, private)
        for pattern, outcome, reason in self._refusals:
            if pattern.search(body):
                return Answer(outcome, reason.value, detail, gone=reason is NUMBER_UNUSABLE)
        if not 200 <= reply.status < 300:
            return by_status(reply, detail)
        if not self._success.search(body):
            detail = detail or f"HTTP status {reply.status} without a body"
            return Answer(Outcome.UNKNOWN, PROTOCOL_ERROR.value, detail, reference=key)
        return Answer(Outcome.ACCEPTED, detail=detail, reference=self._reference_in(body) or key)

    def _reference_in(self, body: str) -> str:
        found = self._reference.search(body) if self._reference else None
        return (found[1] or "") if found else ""
