"""The FCM adapter: one request a message, with an access token that all share."""

from types import TracebackType

from adapters.base import Answer, Departing, Message, Outcome, PushPayload
from adapters.clock import Now
from adapters.fcm.access import AccessToken, AccessTokens
from adapters.fcm.account import read_account
from adapters.fcm.options import FcmOptions
from adapters.fcm.outcomes import access_refused, answer_of
from adapters.fcm.request import LARGEST, request, size
from adapters.http.adapter import HttpAdapter
from adapters.http.client import Reply
from adapters.reasons import MESSAGE_UNSUITABLE


class FcmAdapter(HttpAdapter):
    """Sends pushes by one Firebase project.

    Raises:
        ValueError: the service account cannot be read.
    """

    channel = "push"
    payload = PushPayload

    def __init__(self, options: FcmOptions, name: str, now: Now) -> None:
        account = read_account(options)
        super().__init__(options, name)
        self._options = options
        self._access = AccessTokens(self._client, account, now)
        self._url = f"{options.url}/v1/projects/{account.project}/messages:send"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._access.close()
        await super().__aexit__(kind, error, trace)

    async def send_telling(self, message: Message, departing: Departing) -> Answer:
        """Send one message; it departs when the body of its request is about to be written.

        A token that FCM refuses is replaced, and the request repeated once: FCM looked at nothing but the token.
        """
        octets = size(message.payload)
        if octets > LARGEST:
            said = f"title, body, image, link and data have {octets:,} octets; FCM takes {LARGEST:,}"
            return Answer(Outcome.REJECTED, MESSAGE_UNSUITABLE.value, said)
        body = request(message, self._options)
        reply = await self._post(body, departing)
        if isinstance(reply, Reply) and access_refused(reply):
            reply = await self._post(body, departing)
        return answer_of(reply) if isinstance(reply, Reply) else reply

    async def _post(self, body: bytes, departing: Departing) -> Reply | Answer:
        token = await self._access.get()
        if not isinstance(token, AccessToken):
            return token
        headers = {"authorization": f"Bearer {token.value}", "content-type": "application/json; charset=UTF-8"}
        reply = await self._client.post(self._url, body, headers, departing)
        if isinstance(reply, Reply) and access_refused(reply):
            self._access.refused(token)
        return reply
