"""What FCM's answers mean, by its own error code (``google.firebase.fcm.v1.FcmError``) before the canonical status.

FCM says INVALID_ARGUMENT of tokens and of content alike. Of a token if a violation names ``message.token``, if the
sentence speaks of the registration token, or if Apple's own reason does (``ApnsError``). Its texts can quote values of
the message, so that only codes and the names of fields are kept.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.base import Answer, Outcome
from adapters.fcm.reasons import PLATFORM_AUTH_FAILED
from adapters.http.client import Reply
from adapters.http.outcomes import by_status
from adapters.reasons import (
    AUTH_FAILED,
    CONTENT_REFUSED,
    DEVICE_GONE,
    NOT_AUTHORISED,
    OTHER_APP,
    PROTOCOL_ERROR,
    RATE_LIMITED,
    REQUEST_REFUSED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)

INVALID_ARGUMENT = "INVALID_ARGUMENT"
MEANINGS: Mapping[str, tuple[Outcome, AnswerReason]] = {
    "UNREGISTERED": (Outcome.REJECTED, DEVICE_GONE),
    "SENDER_ID_MISMATCH": (Outcome.REJECTED, OTHER_APP),
    "QUOTA_EXCEEDED": (Outcome.SENDING_REFUSED, RATE_LIMITED),
    "RESOURCE_EXHAUSTED": (Outcome.SENDING_REFUSED, RATE_LIMITED),
    "UNAVAILABLE": (Outcome.SENDING_REFUSED, SERVICE_UNAVAILABLE),
    "INTERNAL": (Outcome.SENDING_REFUSED, SERVICE_UNAVAILABLE),
    "THIRD_PARTY_AUTH_ERROR": (Outcome.SENDING_REFUSED, PLATFORM_AUTH_FAILED),
    "UNAUTHENTICATED": (Outcome.ADAPTER_DOWN, AUTH_FAILED),
    "PERMISSION_DENIED": (Outcome.ADAPTER_DOWN, NOT_AUTHORISED),
    # The project, as long as FCM does not say UNREGISTERED: then it is the same for all messages.
    "NOT_FOUND": (Outcome.SENDING_REFUSED, REQUEST_REFUSED),
}
"""FCM's error codes and Google's canonical ones."""

_OF_THE_TOKEN = frozenset(("message.token", "token"))
_APPLES_GONE = frozenset(("BadDeviceToken", "DeviceTokenNotForTopic", "ExpiredToken", "Unregistered"))
_CODE = re.compile(r"[A-Za-z_]{1,60}").fullmatch
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]]{1,80}").fullmatch
_SECONDS = re.compile(r"[0-9]{1,6}").fullmatch


def answer_of(reply: Reply) -> Answer:
    """Classify FCM's reply to one message."""
    if reply.status == 200:
        name = reply.json().get("name")
        if isinstance(name, str) and name:
            return Answer(Outcome.ACCEPTED, reference=name.rpartition("/")[2][:200])
        return Answer(Outcome.UNKNOWN, PROTOCOL_ERROR.value, "HTTP status 200 without the name of a message")
    return _refused(reply)


def access_refused(reply: Reply) -> bool:
    """Tell whether FCM refuses our access token, so that the message was surely not sent."""
    return reply.status == 401 and _code(_error(reply)) in {"", "UNAUTHENTICATED"}


def _refused(reply: Reply) -> Answer:
    error = _error(reply)
    code, fields = _code(error), sorted(_fields(error))
    detail = _detail(reply, code, fields)
    if code == INVALID_ARGUMENT:
        if _of_the_token(error, fields):
            return Answer(Outcome.REJECTED, DEVICE_GONE.value, detail, gone=True)
        return Answer(Outcome.REJECTED, CONTENT_REFUSED.value, detail)
    if code not in MEANINGS:
        return by_status(reply, detail)
    outcome, reason = MEANINGS[code]
    return Answer(outcome, reason.value, detail, gone=code == "UNREGISTERED")


def _error(reply: Reply) -> Mapping[str, Any]:
    error = reply.json().get("error")
    return error if isinstance(error, dict) else {}


def _details(error: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the details of one type; the last part of the type's name is enough."""
    details = error.get("details")
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict) and str(one.get("@type")).endswith(kind):
            yield one


def _code(error: Mapping[str, Any]) -> str:
    """Return FCM's own code, else the canonical one; empty if there is none."""
    found = [one.get("errorCode") for one in _details(error, ".fcm.v1.FcmError")] + [error.get("status")]
    return next((code for code in found if isinstance(code, str) and _CODE(code)), "")


def _fields(error: Mapping[str, Any]) -> Iterator[str]:
    for one in _details(error, ".rpc.BadRequest"):
        violations = one.get("fieldViolations")
        for violation in violations if isinstance(violations, list) else ():
            named = violation.get("field") if isinstance(violation, dict) else None
            if isinstance(named, str) and _FIELD(named):
                yield named


def _of_the_token(error: Mapping[str, Any], fields: list[str]) -> bool:
    if fields:
        return not _OF_THE_TOKEN.isdisjoint(fields)
    apples = {one.get("reason") for one in _details(error, ".fcm.v1.ApnsError")}
    return not _APPLES_GONE.isdisjoint(apples) or "registration token" in str(error.get("message")).lower()


def _detail(reply: Reply, code: str, fields: list[str]) -> str:
    wait = reply.headers.get("retry-after", "")
    said = [f"HTTP status {reply.status}", code, *fields, f"retry after {wait} s" if _SECONDS(wait) else ""]
    return ", ".join(filter(None, said))
