"""What the codes of Tencent Cloud SMS mean: those of one number, and those of a whole request."""

from collections.abc import Mapping
from typing import Any

from adapters.base import Answer, Outcome
from adapters.filed.reasons import (
    ACCOUNT_SUSPENDED,
    BALANCE_EXHAUSTED,
    CLOCK_WRONG,
    NUMBER_ABROAD,
    NUMBER_BLOCKED,
    NUMBER_REFUSED,
    OUTSIDE_HOURS,
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
    MESSAGE_UNSUITABLE,
    NOT_AUTHORISED,
    PROTOCOL_ERROR,
    RATE_LIMITED,
    REQUEST_REFUSED,
    SERVICE_UNAVAILABLE,
    TIMEOUT,
)

_RECIPIENT_LIMIT = Meaning(Outcome.RETRY, RECIPIENT_LIMIT)
_QUOTA = Meaning(Outcome.SENDING_REFUSED, PLATFORM_QUOTA)
_SIGNATURE = Meaning(Outcome.SENDING_REFUSED, SIGNATURE_REFUSED)
_TEMPLATE = Meaning(Outcome.SENDING_REFUSED, TEMPLATE_REFUSED)
_BALANCE = Meaning(Outcome.SENDING_REFUSED, BALANCE_EXHAUSTED)
_RIGHTS = Meaning(Outcome.SENDING_REFUSED, NOT_AUTHORISED)
_CONTENT = Meaning(Outcome.REJECTED, CONTENT_REFUSED)
_NUMBER = Meaning(Outcome.REJECTED, NUMBER_REFUSED, gone=True)
_ABROAD = Meaning(Outcome.REJECTED, NUMBER_ABROAD)
_REQUEST = Meaning(Outcome.REJECTED, REQUEST_REFUSED)
_KEY = Meaning(Outcome.ADAPTER_DOWN, AUTH_FAILED)
_CLOCK = Meaning(Outcome.ADAPTER_DOWN, CLOCK_WRONG)
_SETTINGS = Meaning(Outcome.ADAPTER_DOWN, NOT_AUTHORISED)
_INTERFACE = Meaning(Outcome.ADAPTER_DOWN, REQUEST_REFUSED)
_LOST = Meaning(Outcome.UNKNOWN, TIMEOUT)

MEANINGS: dict[str, Meaning] = {
    "LimitExceeded": _QUOTA,
    "LimitExceeded.AppDailyLimit": _QUOTA,
    "LimitExceeded.AppMainlandChinaDailyLimit": _QUOTA,
    "LimitExceeded.AppGlobalDailyLimit": _QUOTA,
    "LimitExceeded.AppCountryOrRegionDailyLimit": _QUOTA,
    "LimitExceeded.DailyLimit": _QUOTA,
    "LimitExceeded.AppCountryOrRegionInBlacklist": _ABROAD,
    "LimitExceeded.PhoneNumberCountLimit": _REQUEST,
    "FailedOperation.PhoneNumberInBlacklist": Meaning(Outcome.REJECTED, NUMBER_BLOCKED, gone=True),
    "FailedOperation.PhoneNumberParseFail": _NUMBER,
    "InvalidParameterValue.IncorrectPhoneNumber": _NUMBER,
    "FailedOperation.ContainSensitiveWord": _CONTENT,
    "InvalidParameter.DirtyWordFound": _CONTENT,
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": _CONTENT,
    "InvalidParameterValue.TemplateParameterFormatError": _CONTENT,
    "InvalidParameterValue.TemplateParameterLengthLimit": Meaning(Outcome.REJECTED, PARAMETER_TOO_LONG),
    "InvalidParameterValue.ContentLengthLimit": Meaning(Outcome.REJECTED, MESSAGE_UNSUITABLE),
    "FailedOperation.MarketingSendTimeConstraint": Meaning(Outcome.RETRY, OUTSIDE_HOURS),
    "FailedOperation.SignatureIncorrectOrUnapproved": _SIGNATURE,
    "FailedOperation.MissingSignatureList": _SIGNATURE,
    "InvalidParameterValue.SignNameLengthTooLong": _SIGNATURE,
    "FailedOperation.TemplateIncorrectOrUnapproved": _TEMPLATE,
    "FailedOperation.TemplateUnapprovedOrNotExist": _TEMPLATE,
    "FailedOperation.TemplateIdNotExist": _TEMPLATE,
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": _TEMPLATE,
    "FailedOperation.InsufficientBalanceInSmsPackage": _BALANCE,
    "UnauthorizedOperation.ServiceSuspendDueToArrears": _BALANCE,
    "UnauthorizedOperation.SdkAppIdIsDisabled": Meaning(Outcome.SENDING_REFUSED, ACCOUNT_SUSPENDED),
    "UnauthorizedOperation.SmsSdkAppIdVerifyFail": _SETTINGS,
    "InvalidParameterValue.SdkAppIdNotExist": _SETTINGS,
    "AuthFailure.SignatureExpire": _CLOCK,
    "AuthFailure.UnauthorizedOperation": _SETTINGS,
    "InternalError.RequestTimeException": _CLOCK,
    "InternalError.SigFieldMissing": _KEY,
    "InternalError.SigVerificationFail": _KEY,
    "InternalError.RestApiInterfaceNotExist": _INTERFACE,
    # It was passed on, and what became of it is not known.
    "InternalError.Timeout": _LOST,
    "InternalError.SendAndRecvFail": _LOST,
    "InternalError.ParseBackendResponseFail": Meaning(Outcome.UNKNOWN, PROTOCOL_ERROR),
}
"""Code -> what it means."""

FAMILIES: dict[str, Meaning] = {
    "LimitExceeded": _RECIPIENT_LIMIT,
    "RequestLimitExceeded": Meaning(Outcome.SENDING_REFUSED, RATE_LIMITED),
    "AuthFailure": _KEY,
    "UnauthorizedOperation": _RIGHTS,
    "IpInBlacklist": _RIGHTS,
    "IpNotInWhitelist": _RIGHTS,
    "UnsupportedOperation": _ABROAD,
    "InternalError": Meaning(Outcome.RETRY, SERVICE_UNAVAILABLE),
    "ServiceUnavailable": Meaning(Outcome.RETRY, SERVICE_UNAVAILABLE),
    "ResourceUnavailable": Meaning(Outcome.RETRY, SERVICE_UNAVAILABLE),
    "ActionOffline": _INTERFACE,
    "InvalidAction": _INTERFACE,
    "NoSuchVersion": _INTERFACE,
    "NoSuchProduct": _INTERFACE,
    "UnsupportedRegion": _INTERFACE,
}
"""The part of a code before the dot -> what all of them mean that are not in ``MEANINGS``."""


def answer_to(reply: Reply, recipient: str) -> Answer:
    """Classify a reply to a request with one number."""
    response = reply.json().get("Response")
    if reply.status != 200 or not isinstance(response, dict):
        return by_status(reply) if reply.status != 200 else _not_understood()
    error, statuses = response.get("Error"), response.get("SendStatusSet")
    if isinstance(error, dict):
        return _refused(error, recipient)
    if not isinstance(statuses, list) or len(statuses) != 1 or not isinstance(statuses[0], dict):
        return _not_understood()
    status = statuses[0]
    if status.get("Code") == "Ok":
        return Answer(Outcome.ACCEPTED, reference=str(status.get("SerialNo", "")))
    return _refused(status, recipient)


def _refused(told: Mapping[str, Any], recipient: str) -> Answer:
    code = str(told.get("Code", ""))
    if not code:
        return _not_understood()
    meaning = MEANINGS.get(code) or FAMILIES.get(code.split(".", maxsplit=1)[0]) or _REQUEST
    own = (recipient, recipient.removeprefix("+86"))
    detail = without_addresses(f"{code}: {told.get('Message', '')}", own)
    return meaning.answer(detail)


def _not_understood() -> Answer:
    return Answer(Outcome.UNKNOWN, PROTOCOL_ERROR.value, PROTOCOL_ERROR.sentence)
