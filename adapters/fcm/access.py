"""Access tokens: asked for once for all messages, kept until shortly before they expire, and given up when refused."""

import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from adapters.base import Answer, Outcome
from adapters.clock import Now
from adapters.fcm.account import ServiceAccount
from adapters.http.client import HttpClient, Reply
from adapters.reasons import AUTH_FAILED, AUTH_UNAVAILABLE

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_EARLIER = 300
"""How many seconds before its end a token is replaced; one that lasts less than twice as long, halfway."""
_USUAL = 3_600
"""How many seconds a token lasts if Google does not say it."""
_WORD = re.compile(r"[a-z_]{1,40}").fullmatch
_HINTS = {
    "invalid_grant": "check that the key was not deleted and that this machine's clock is right",
    "invalid_client": "check that the service account still exists",
    "unauthorized_client": "enable the Firebase Cloud Messaging API for the project",
    "invalid_scope": "enable the Firebase Cloud Messaging API for the project",
}


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, to be replaced from ``renew_at`` on (UTC milliseconds)."""

    value: str = field(repr=False)
    renew_at: int


class AccessTokens:
    """The access token of one service account. However many messages want one, there is one request at a time."""

    def __init__(self, client: HttpClient, account: ServiceAccount, now: Now) -> None:
        self._client = client
        self._account = account
        self._now = now
        self._token: AccessToken | None = None
        self._asking: asyncio.Task[AccessToken | Answer] | None = None

    async def get(self) -> AccessToken | Answer:
        """Return a token, or the answer to a message that cannot be sent for want of one."""
        if self._token is not None and self._now() < self._token.renew_at:
            return self._token
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def refused(self, token: AccessToken) -> None:
        """Give up a token that FCM refused."""
        if self._token is token:
            self._token = None

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _asked(self, task: "asyncio.Task[AccessToken | Answer]") -> None:
        self._asking = None
        if not task.cancelled() and task.exception() is None and isinstance(result := task.result(), AccessToken):
            self._token = result

    async def _ask(self) -> AccessToken | Answer:
        asked = self._now()
        form = {"grant_type": _GRANT, "assertion": self._account.assertion(asked)}
        reply = await self._client.post(self._account.token_url, urlencode(form).encode(), _FORM)
        if isinstance(reply, Answer):
            return _not_sent(reply)
        return _token(reply, asked) if reply.status == 200 else _no_token(reply)


def _token(reply: Reply, asked: int) -> AccessToken | Answer:
    said = reply.json()
    value, seconds = said.get("access_token"), said.get("expires_in")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return _unavailable("Google's answer has no access token")
    lasts = seconds if isinstance(seconds, int) and seconds > 0 else _USUAL
    return AccessToken(value, asked + (lasts - min(_EARLIER, lasts // 2)) * 1_000)


def _no_token(reply: Reply) -> Answer:
    """Classify a refusal by Google's token endpoint (RFC 6749, 5.2)."""
    said = reply.json().get("error")
    word = said if isinstance(said, str) and _WORD(said) else ""
    if reply.status >= 500 or reply.status in {408, 429}:
        return _unavailable(f"HTTP status {reply.status} from the token endpoint")
    hint = _HINTS.get(word, "check the service account")
    detail = f"HTTP status {reply.status} from the token endpoint{f', {word}' if word else ''}: {hint}"
    return Answer(Outcome.ADAPTER_DOWN, AUTH_FAILED.value, detail)


def _not_sent(failure: Answer) -> Answer:
    """Return what a failure of the network means for a message: it was not sent."""
    if failure.outcome is Outcome.ADAPTER_DOWN:
        return failure
    return _unavailable(failure.detail)


def _unavailable(detail: str) -> Answer:
    return Answer(Outcome.ADAPTER_DOWN, AUTH_UNAVAILABLE.value, detail)
