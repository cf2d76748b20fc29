"""The Twilio adapter: one request to the Messages API for each text."""

import re
from base64 import b64encode
from urllib.parse import urlencode

from adapters.base import Answer, Departing, Message, Outcome, SmsPayload
from adapters.http.adapter import HttpAdapter
from adapters.twilio.options import TwilioOptions
from adapters.twilio.outcomes import classified

_E164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch


class TwilioAdapter(HttpAdapter):
    """Sends texts through one Twilio account.

    Twilio recognises no message that it has already: one that is handed over twice is sent twice.
    """

    channel = "sms"
    payload = SmsPayload

    def __init__(self, options: TwilioOptions, name: str = "twilio") -> None:
        super().__init__(options, name)
        self._options = options
        self._url = f"{options.url}/2010-04-01/Accounts/{options.account_sid}/Messages.json"

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one text; it departs when the request's body is about to be written."""
        if not _E164(message.recipient):
            return Answer(Outcome.REJECTED, "address_invalid", "this is not a phone number in the form of E.164")
        body = urlencode(self._fields(message)).encode()
        reply = await self._client.post(self._url, body, self._headers(), departing)
        return reply if isinstance(reply, Answer) else classified(reply, self._private(message))

    def _fields(self, message: Message) -> dict[str, str]:
        options = self._options
        fields = {"To": message.recipient, "Body": message.payload.text}
        if options.messaging_service:
            fields["MessagingServiceSid"] = options.messaging_service
        else:
            fields["From"] = options.sender
        if options.callback_url:
            fields["StatusCallback"] = options.callback_url
        return fields

    def _headers(self) -> dict[str, str]:
        login = b64encode(":".join(self._options.login).encode()).decode("ascii")
        return {
            "authorization": f"Basic {login}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }

    def _private(self, message: Message) -> tuple[str, ...]:
        """Return what must not be in the log if Twilio repeats it."""
        return message.recipient, message.payload.text, self._options.login[1], *self._options.auth_tokens
