"""Settings of the Twilio adapter."""

import re
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.http.options import HttpOptions, SecureUrl, secure_url

_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 +_&-]{1,11}").fullmatch


class TwilioOptions(HttpOptions):
    """Which account texts are sent from, and how it is called.

    ``auth_token``: the account's token, or several with spaces between them while they rotate: requests use the first,
    receipts may be signed with any. ``api_key`` and ``api_secret`` take its place for requests. ``sender`` is a number
    (E.164), a short code or a name; or ``messaging_service`` chooses one. ``callback_url`` is the public URL at which
    receipts arrive, exactly as Twilio calls it.
    """

    account_sid: str = Field(default="", pattern=r"^(AC[0-9a-fA-F]{32})?$")
    auth_token: SecretStr = SecretStr("")
    api_key: str = Field(default="", pattern=r"^(SK[0-9a-fA-F]{32})?$")
    api_secret: SecretStr = SecretStr("")
    sender: str = ""
    messaging_service: str = Field(default="", pattern=r"^(MG[0-9a-fA-F]{32})?$")
    callback_url: str = ""
    url: SecureUrl = "https://api.twilio.com"

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of requests."""
        if self.api_key:
            return self.api_key, self.api_secret.get_secret_value()
        return self.account_sid, self.auth_tokens[0]

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """The account's tokens, the one in use first."""
        return tuple(self.auth_token.get_secret_value().split())

    @field_validator("callback_url")
    @classmethod
    def _public(cls, url: str) -> str:
        if url:
            secure_url(url)
            if "#" in url:
                raise ValueError("Twilio calls a URL without its fragment: remove `#` and what follows")
        return url

    @field_validator("sender")
    @classmethod
    def _is_a_sender(cls, sender: str) -> str:
        if sender and not _SENDER(sender):
            raise ValueError(
                "write a number such as +12025550100, a short code, or a name of up to 11 letters and digits"
            )
        return sender

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.account_sid:
            raise ValueError("`account_sid` is missing: write the account's SID, which begins with AC")
        if bool(self.api_key) != bool(self.api_secret.get_secret_value()):
            raise ValueError("`api_key` and `api_secret` belong together: write both or none")
        if not self.api_key and not self.auth_tokens:
            raise ValueError("`auth_token` is missing: without it or an API key, Twilio accepts nothing")
        if bool(self.sender) == bool(self.messaging_service):
            raise ValueError("write either `sender` or `messaging_service`, so that Twilio knows who sends")
        return self
