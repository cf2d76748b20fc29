"""Sending text messages by Tencent Cloud's SendSms."""

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

from adapters.base import Answer, Departing, Message, Outcome, SmsPayload
from adapters.clock import Now
from adapters.filed.reasons import NUMBER_REFUSED
from adapters.filed.templates import Filled, Misfit, fill, refusal_of, review_of
from adapters.http.adapter import HttpAdapter
from adapters.kinds import Review
from adapters.reasons import AUTH_FAILED
from adapters.tencent.options import TencentOptions
from adapters.tencent.outcomes import answer_to
from adapters.tencent.signing import Call, SecretKey, authorization

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_NO_KEY = "set secret_id and secret_key, in the environment: HABITUE_ADAPTERS__TENCENT__SECRET_KEY"
_TABLE = "adapters.tencent.templates"


def review(options: TencentOptions, message: Message) -> Review:
    """Return which filed template would be sent, with which parameters, or why none."""
    return review_of(_fill(options, message))


class TencentAdapter(HttpAdapter):
    """The adapter. ``now`` tells the machine's time, which is part of each signature."""

    channel = "sms"
    payload = SmsPayload

    def __init__(self, options: TencentOptions, name: str, now: Now) -> None:
        super().__init__(options, name)
        self._options = options
        self._now = now

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one message; call ``departing`` just before the request is complete."""
        if not _NUMBER(message.recipient):
            return Answer(Outcome.REJECTED, NUMBER_REFUSED.value, NUMBER_REFUSED.sentence)
        filled = _fill(self._options, message)
        if isinstance(filled, Misfit):
            return refusal_of(filled)
        if not self._options.secret_id or not self._options.secret_key.get_secret_value():
            return Answer(Outcome.ADAPTER_DOWN, AUTH_FAILED.value, _NO_KEY)
        body = self._body(message, filled)
        reply = await self._client.post(f"{self._options.url}/", body, self._headers(body), departing)
        return reply if isinstance(reply, Answer) else answer_to(reply, message.recipient)

    def _body(self, message: Message, filled: Filled) -> bytes:
        numbered = sorted(filled.parameters.items(), key=lambda one: int(one[0]))
        return orjson.dumps(
            {
                "PhoneNumberSet": [message.recipient],
                "SmsSdkAppId": self._options.sdk_app_id,
                "SignName": self._options.sign_name,
                "TemplateId": filled.template.id,
                "TemplateParamSet": [value for _, value in numbered],
                "SessionContext": message.key,
            }
        )

    def _headers(self, body: bytes) -> dict[str, str]:
        seconds = self._now() // 1_000
        day = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
        signed = {
            "content-type": "application/json; charset=utf-8",
            "host": urlsplit(self._options.url).netloc,
            "x-tc-action": "SendSms",
        }
        key = SecretKey(self._options.secret_id, self._options.secret_key.get_secret_value())
        return {
            **signed,
            "x-tc-version": "2021-01-11",
            "x-tc-timestamp": str(seconds),
            "x-tc-region": self._options.region,
            "authorization": authorization(Call("sms", signed, body, seconds, day), key),
        }


def _fill(options: TencentOptions, message: Message) -> Filled | Misfit:
    return fill(options.templates, message, options.max_parameter, _TABLE)
