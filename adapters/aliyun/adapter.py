"""Sending text messages by Alibaba Cloud's SendSms."""

import re
from datetime import UTC, datetime
from secrets import token_hex
from urllib.parse import urlsplit

import orjson

from adapters.aliyun.options import AliyunOptions
from adapters.aliyun.outcomes import answer_to
from adapters.aliyun.signing import AccessKey, Call, signed_headers
from adapters.base import Answer, Departing, Message, Outcome, SmsPayload
from adapters.clock import Now
from adapters.filed.reasons import NUMBER_ABROAD, NUMBER_REFUSED
from adapters.filed.templates import Filled, Misfit, fill, refusal_of, review_of
from adapters.http.adapter import HttpAdapter
from adapters.kinds import Review
from adapters.reasons import AUTH_FAILED

_MAINLAND = re.compile(r"\+86(1[0-9]{10})").fullmatch
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_NO_KEY = "set access_key_id and access_key_secret, in the environment: HABITUE_ADAPTERS__ALIYUN__ACCESS_KEY_SECRET"
_TABLE = "adapters.aliyun.templates"


def review(options: AliyunOptions, message: Message) -> Review:
    """Return which filed template would be sent, with which parameters, or why none."""
    return review_of(_fill(options, message))


class AliyunAdapter(HttpAdapter):
    """The adapter. ``now`` tells the machine's time, which is part of each signature."""

    channel = "sms"
    payload = SmsPayload

    def __init__(self, options: AliyunOptions, name: str, now: Now) -> None:
        super().__init__(options, name)
        self._options = options
        self._now = now
        self._host = urlsplit(options.url).netloc

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one message; call ``departing`` just before the request is written."""
        number = _MAINLAND(message.recipient)
        if number is None:
            reason = NUMBER_ABROAD if _NUMBER(message.recipient) else NUMBER_REFUSED
            return Answer(Outcome.REJECTED, reason.value, reason.sentence)
        filled = _fill(self._options, message)
        if isinstance(filled, Misfit):
            return refusal_of(filled)
        if not self._options.access_key_id or not self._options.access_key_secret.get_secret_value():
            return Answer(Outcome.ADAPTER_DOWN, AUTH_FAILED.value, _NO_KEY)
        return await self._post(message, self._call(message, number[1], filled), departing)

    def _call(self, message: Message, number: str, filled: Filled) -> Call:
        query = {
            "PhoneNumbers": number,
            "SignName": self._options.sign_name,
            "TemplateCode": filled.template.id,
            "TemplateParam": orjson.dumps(dict(filled.parameters)).decode(),
            "OutId": message.key,
        }
        moment = datetime.fromtimestamp(self._now() // 1_000, UTC)
        date = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return Call(self._host, "SendSms", "2017-05-25", query, date, nonce=token_hex(16))

    async def _post(self, message: Message, call: Call, departing: Departing) -> Answer:
        secret = self._options.access_key_secret.get_secret_value()
        headers = signed_headers(call, AccessKey(self._options.access_key_id, secret))
        url = f"{self._options.url}/?{call.canonical_query}"
        reply = await self._client.post(url, b"", {**headers, "accept": "application/json"}, departing)
        return reply if isinstance(reply, Answer) else answer_to(reply, message.recipient)


def _fill(options: AliyunOptions, message: Message) -> Filled | Misfit:
    return fill(options.templates, message, options.max_parameter, _TABLE)
