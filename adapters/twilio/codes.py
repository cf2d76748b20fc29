"""Twilio's error codes: those of answers, with what follows from them, and those that only receipts have.

From Twilio's dictionary (twilio.com/docs/api/errors). Codes of settings that refuse every message are refusals of
sending; those of one country or one recipient refuse the message alone, so that they hold up no other.
"""

from collections.abc import Mapping

from adapters.base import Outcome
from adapters.http.meaning import Meaning
from adapters.reasons import (
    AUTH_FAILED,
    CONTENT_REFUSED,
    MESSAGE_UNSUITABLE,
    NOT_AUTHORISED,
    NOT_DELIVERED,
    NUMBER_UNUSABLE,
    RATE_LIMITED,
    SERVICE_UNAVAILABLE,
    AnswerReason,
)
from adapters.twilio.reasons import (
    ACCOUNT_INACTIVE,
    CALLBACK_URL_REFUSED,
    CARRIER_BLOCKED,
    CARRIER_FILTERED,
    NOT_SENT_IN_TIME,
    NUMBER_UNREACHABLE,
    OPTED_OUT,
    PRICE_LIMIT,
    REGION_NOT_PERMITTED,
    SENDER_UNREGISTERED,
    SENDER_UNUSABLE,
)

_NO_SUCH_NUMBER = Meaning(Outcome.REJECTED, NUMBER_UNUSABLE, gone=True)
_OTHER_NUMBER = Meaning(Outcome.REJECTED, NUMBER_UNUSABLE)
_UNREACHABLE = Meaning(Outcome.REJECTED, NUMBER_UNREACHABLE)
_OPTED_OUT = Meaning(Outcome.REJECTED, OPTED_OUT)
_REGION = Meaning(Outcome.REJECTED, REGION_NOT_PERMITTED)
_UNSUITABLE = Meaning(Outcome.REJECTED, MESSAGE_UNSUITABLE)
_CONTENT = Meaning(Outcome.REJECTED, CONTENT_REFUSED)
_SENDER = Meaning(Outcome.SENDING_REFUSED, SENDER_UNUSABLE)
_UNREGISTERED = Meaning(Outcome.SENDING_REFUSED, SENDER_UNREGISTERED)
_RATE = Meaning(Outcome.SENDING_REFUSED, RATE_LIMITED)
_INACTIVE = Meaning(Outcome.SENDING_REFUSED, ACCOUNT_INACTIVE)
_PERMISSION = Meaning(Outcome.SENDING_REFUSED, NOT_AUTHORISED)
_CALLBACK = Meaning(Outcome.SENDING_REFUSED, CALLBACK_URL_REFUSED)
_LOGIN = Meaning(Outcome.ADAPTER_DOWN, AUTH_FAILED)

_ANSWERS: tuple[tuple[Meaning, tuple[int, ...]], ...] = (
    (_LOGIN, (20003, 20008, 20107, 20151, 20404, 21470, 21471)),
    (_PERMISSION, (20006, 20403)),
    (_INACTIVE, (10001, 10002, 20005, 21219, 21264, 21267, 21472, 21607, 21608, 30002)),
    (_RATE, (14107, 20429, 21611, 30001, 30022, 30023, 30027, 63018, 63038)),
    (
        _SENDER,
        (
            *(21212, 21401, 21407, 21601, 21603, 21606, 21616, 21657, 21659, 21660, 21661),
            *(21701, 21702, 21703, 21704, 21705, 21708, 21709, 21711, 21715, 21910, 63007),
        ),
    ),
    (_UNREGISTERED, (30018, 30024, 30032, 30033, 30034, 30035)),
    (_CALLBACK, (21609, 21626)),
    (_REGION, (21408,)),
    (_NO_SUCH_NUMBER, (21211, 21217, 21421, 21614, 21635)),
    (_OTHER_NUMBER, (21202, 21265, 21266, 21268, 21604)),
    (_UNREACHABLE, (21214, 21612, 63003, 63024)),
    (_OPTED_OUT, (21610,)),
    (_UNSUITABLE, (21602, 21605, 21617, 21619, 21658, 30011, 30019)),
    (_CONTENT, (21618, 63005, 63016)),
)
_RECEIPTS: tuple[tuple[AnswerReason, tuple[int, ...]], ...] = (
    (NUMBER_UNREACHABLE, (30003,)),
    (CARRIER_BLOCKED, (30004, 30450, 63032)),
    (NUMBER_UNUSABLE, (30005, 30006)),
    (CARRIER_FILTERED, (30007,)),
    (NOT_DELIVERED, (30008,)),
    (PRICE_LIMIT, (30010,)),
    (SERVICE_UNAVAILABLE, (30017, 30021, 30410)),
    (NOT_SENT_IN_TIME, (30036,)),
)

ANSWERS: Mapping[int, Meaning] = {code: meaning for meaning, codes in _ANSWERS for code in codes}
"""Error code of an answer -> what it means. The HTTP status decides about other codes."""
RECEIPTS: Mapping[int, AnswerReason] = {
    **{code: meaning.reason for code, meaning in ANSWERS.items()},
    **{code: reason for reason, codes in _RECEIPTS for code in codes},
}
"""Error code of a receipt -> why the message was not delivered."""
