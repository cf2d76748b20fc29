"""What Twilio's replies mean for delivery."""

from collections.abc import Iterable

from adapters.base import Answer, Outcome
from adapters.http.client import Reply
from adapters.http.details import without_addresses
from adapters.http.outcomes import by_status
from adapters.twilio.codes import ANSWERS


def classified(reply: Reply, private: Iterable[str] = ()) -> Answer:
    """Classify a reply: by its error code, or by its HTTP status if the code says no more.

    ``private`` are texts that the answer must not repeat.
    """
    said = reply.json()
    sid, code = said.get("sid"), said.get("code")
    if 200 <= reply.status < 300 and isinstance(sid, str) and sid:
        return Answer(Outcome.ACCEPTED, reference=sid)
    meaning = ANSWERS.get(code) if isinstance(code, int) and reply.status >= 400 else None
    text = without_addresses(str(said.get("message", "")), private)
    detail = f"{code}: {text}" if isinstance(code, int) else text
    if meaning is None:
        return by_status(reply, detail)
    return meaning.answer(detail)
