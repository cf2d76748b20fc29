"""The options of ``webhook``."""

import binascii
import json
import re
from base64 import b64decode

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.http.options import HttpOptions, secure_url

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""How many octets a secret has (Standard Webhooks, "Signature scheme")."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?").fullmatch
_OURS = ("connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding")


class WebhookOptions(HttpOptions):
    """``url`` is the endpoint. ``secrets`` are separated by spaces; each signs, so that they can be replaced one by one.

    ``headers`` are added to each request.
    """

    url: str = ""
    secrets: SecretStr = SecretStr("")
    headers: dict[str, SecretStr] = Field(default={})

    @field_validator("url")
    @classmethod
    def _secure(cls, url: str) -> str:
        return secure_url(url)

    @field_validator("secrets")
    @classmethod
    def _keys(cls, secrets: SecretStr) -> SecretStr:
        for secret in secrets.get_secret_value().split():
            _check(secret)
        return secrets

    @field_validator("headers", mode="before")
    @classmethod
    def _from_environment(cls, headers: object) -> object:
        """Read JSON, the form that a variable of the environment has."""
        if not isinstance(headers, str):
            return headers
        try:
            return json.loads(headers)
        except ValueError:
            raise ValueError('write JSON in the environment: {"Authorization": "…"}') from None

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not _NAME(name):
                raise ValueError("the name of a header is not one: write letters, digits and hyphens")
            if name.lower() in _OURS or name.lower().startswith("webhook-"):
                raise ValueError(f"the header `{name}` is set by the program: remove it")
            if not _VALUE(value.get_secret_value()):
                raise ValueError(f"the value of the header `{name}` is empty, or not ASCII on one line")
        return headers

    @model_validator(mode="after")
    def _complete(self) -> "WebhookOptions":
        if not self.url:
            raise ValueError("`url` is missing: write the address of the endpoint, such as https://example.com/hooks")
        return self


def _check(secret: str) -> None:
    said = f"a secret is `{PREFIX}` and the Base64 of {SHORTEST} to {LONGEST} octets"
    if not secret.startswith(PREFIX):
        raise ValueError(f"one does not begin with `{PREFIX}`: {said}")
    try:
        octets = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"one is not Base64: {said}") from None
    if not SHORTEST <= len(octets) <= LONGEST:
        raise ValueError(f"one has {len(octets)} octets: {said}")
