"""What the codes of Alibaba Cloud SMS mean: those of the service (``isv.``, ``isp.``) and of the gateway before it."""

from adapters.base import Answer, Outcome
from adapters.filed.reasons import (
    ACCOUNT_SUSPENDED,
    BALANCE_EXHAUSTED,
    CLOCK_WRONG,
    NUMBER_REFUSED,
    PARAMETER_TOO_LONG,
    PLATFORM_QUOTA,
    RECIPIENT_LIMIT,
    SIGNATURE_REFUSED,
    TEMPLATE_REFUSED,
)
from adapters.http.client import Reply
from adapters.http.details import without_addresses
from adapters.http.meaning import Meaning
from adapters.http.outcomes import by_status
from adapters.reasons import (
    AUTH_FAILED,
    CONTENT_REFUSED,
    NOT_AUTHORISED,
    POLICY_REFUSED,
    PROTOCOL_ERROR,
    RATE_LIMITED,
    REQUEST_REFUSED,
    SERVICE_UNAVAILABLE,
)

_SIGNATURE = Meaning(Outcome.SENDING_REFUSED, SIGNATURE_REFUSED)
_TEMPLATE = Meaning(Outcome.SENDING_REFUSED, TEMPLATE_REFUSED)
_SUSPENDED = Meaning(Outcome.SENDING_REFUSED, ACCOUNT_SUSPENDED)
_QUOTA = Meaning(Outcome.SENDING_REFUSED, PLATFORM_QUOTA)
_CONTENT = Meaning(Outcome.REJECTED, CONTENT_REFUSED)
_REQUEST = Meaning(Outcome.REJECTED, REQUEST_REFUSED)
_KEY = Meaning(Outcome.ADAPTER_DOWN, AUTH_FAILED)
_RIGHTS = Meaning(Outcome.ADAPTER_DOWN, NOT_AUTHORISED)
_LATER = Meaning(Outcome.RETRY, SERVICE_UNAVAILABLE)

MEANINGS: dict[str, Meaning] = {
    "isv.BUSINESS_LIMIT_CONTROL": Meaning(Outcome.RETRY, RECIPIENT_LIMIT),
    "isv.DAY_LIMIT_CONTROL": _QUOTA,
    "isv.MONTH_LIMIT_CONTROL": _QUOTA,
    "isv.MOBILE_NUMBER_ILLEGAL": Meaning(Outcome.REJECTED, NUMBER_REFUSED, gone=True),
    # By its description either the values or the number are on a list; so the number is not given up.
    "isv.BLACK_KEY_CONTROL_LIMIT": Meaning(Outcome.REJECTED, POLICY_REFUSED),
    "isv.SMS_CONTENT_ILLEGAL": _CONTENT,
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE": _CONTENT,
    "isv.TEMPLATE_PARAMS_ILLEGAL": _CONTENT,
    "isv.PARAM_NOT_SUPPORT_URL": _CONTENT,
    "isv.UNSUPPORTED_CONTENT": _CONTENT,
    "isv.PARAM_LENGTH_LIMIT": Meaning(Outcome.REJECTED, PARAMETER_TOO_LONG),
    "isv.OUT_OF_SERVICE": Meaning(Outcome.SENDING_REFUSED, BALANCE_EXHAUSTED),
    "isv.AMOUNT_NOT_ENOUGH": Meaning(Outcome.SENDING_REFUSED, BALANCE_EXHAUSTED),
    "isv.PRODUCT_UN_SUBSCRIPT": _SUSPENDED,
    "isv.PRODUCT_UNSUBSCRIBE": _SUSPENDED,
    "isv.ACCOUNT_NOT_EXISTS": _SUSPENDED,
    "isv.ACCOUNT_ABNORMAL": _SUSPENDED,
    "isv.SECURITY_FROZEN_ACCOUNT": _SUSPENDED,
    "isv.SMS_SIGNATURE_ILLEGAL": _SIGNATURE,
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": _SIGNATURE,
    "isv.SMS_SIGN_ILLEGAL": _SIGNATURE,
    "isv.SIGN_NAME_ILLEGAL": _SIGNATURE,
    "isv.SIGN_STATE_ILLEGAL": _SIGNATURE,
    "isv.SIGN_SOURCE_ILLEGAL": _SIGNATURE,
    "SIGNATURE_BLACKLIST": _SIGNATURE,
    "isv.SMS_TEMPLATE_ILLEGAL": _TEMPLATE,
    "isv.TEMPLATE_MISSING_PARAMETERS": _TEMPLATE,
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED": _TEMPLATE,
    "isv.INVALID_JSON_PARAM": _REQUEST,
    "isv.INVALID_PARAMETERS": _REQUEST,
    "isv.MOBILE_COUNT_OVER_LIMIT": _REQUEST,
    "isv.DENY_IP_RANGE": Meaning(Outcome.SENDING_REFUSED, NOT_AUTHORISED),
    "isp.RAM_PERMISSION_DENY": _RIGHTS,
    "isp.SYSTEM_ERROR": _LATER,
    "isp.GATEWAY_ERROR": _LATER,
    # The gateway has seen this request before, and it is sent once: whoever repeated it may have had it accepted.
    "SignatureNonceUsed": Meaning(Outcome.UNKNOWN, PROTOCOL_ERROR),
}
"""Code -> what it means."""

FAMILIES: dict[str, Meaning] = {
    "Throttling": Meaning(Outcome.SENDING_REFUSED, RATE_LIMITED),
    "InvalidTimeStamp": Meaning(Outcome.ADAPTER_DOWN, CLOCK_WRONG),
    "InvalidAccessKeyId": _KEY,
    "MissingAccessKeyId": _KEY,
    "SignatureDoesNotMatch": _KEY,
    "IncompleteSignature": _KEY,
    "InvalidSecurityToken": _KEY,
    "Forbidden": _RIGHTS,
    "NoPermission": _RIGHTS,
    "InvalidAction": Meaning(Outcome.ADAPTER_DOWN, REQUEST_REFUSED),
    "InvalidVersion": Meaning(Outcome.ADAPTER_DOWN, REQUEST_REFUSED),
}
"""The part of a code before the first dot -> what all of them mean."""


def answer_to(reply: Reply, recipient: str) -> Answer:
    """Classify a reply to a message to ``recipient``."""
    told = reply.json()
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
    if code == "OK" and reply.status == 200:
        return Answer(Outcome.ACCEPTED, reference=str(told.get("BizId", "")))
    meaning = MEANINGS.get(code) or FAMILIES.get(code.split(".", maxsplit=1)[0])
    # The gateway repeats what was signed, with the number; only the service's own words are of use.
    words = without_addresses(f"{code}: {message}", (recipient, recipient.removeprefix("+86")))
    detail = words if reply.status == 200 else without_addresses(code)
    if meaning is None and reply.status != 200:
        return by_status(reply, detail)
    if meaning is None:
        meaning = _REQUEST if code else Meaning(Outcome.UNKNOWN, PROTOCOL_ERROR)
    return meaning.answer(detail)
