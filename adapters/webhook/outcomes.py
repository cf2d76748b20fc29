"""What an endpoint's answer means. The operator configures the endpoint, so an address that is wrong fails no message."""

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.outcomes import HTTP_REASONS, by_status
from adapters.reasons import AnswerReason

ENDPOINT_GONE = AnswerReason(
    "endpoint_gone", "The endpoint says that it wants no more: correct adapters.webhook.url, or end what sends there."
)
ENDPOINT_MISSING = AnswerReason("endpoint_missing", "There is no endpoint at this address: check adapters.webhook.url.")
ENDPOINT_MOVED = AnswerReason("endpoint_moved", "The endpoint has another address now: correct adapters.webhook.url.")
WEBHOOK_REASONS = (*HTTP_REASONS, ENDPOINT_GONE, ENDPOINT_MISSING, ENDPOINT_MOVED)

_MEANINGS: dict[int, tuple[Outcome, AnswerReason]] = {
    # As far as one message can tell: an endpoint may answer so for a customer whom it does not know.
    404: (Outcome.SENDING_REFUSED, ENDPOINT_MISSING),
    405: (Outcome.SENDING_REFUSED, ENDPOINT_MISSING),
    410: (Outcome.ADAPTER_DOWN, ENDPOINT_GONE),
}


def classified(reply: Reply, reference: str) -> Answer:
    """Return what ``reply`` to the message ``reference`` means."""
    if 200 <= reply.status < 300:
        return Answer(Outcome.ACCEPTED, reference=reference)
    # Redirects are not followed: a signed message goes to the endpoint that was configured, and to no other.
    found = (Outcome.ADAPTER_DOWN, ENDPOINT_MOVED) if 300 <= reply.status < 400 else _MEANINGS.get(reply.status)
    if found is None:
        return by_status(reply)
    outcome, reason = found
    return Answer(outcome, reason.value, f"HTTP status {reply.status}")
