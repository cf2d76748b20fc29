"""Settings of the SMS gateway adapter: how a gateway wants to be called, what it answers, and how it calls back."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, JsonValue, SecretStr, field_validator, model_validator

from adapters.http.options import HttpOptions, secure_url

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
"""A word in braces, in a field or header."""
_OF_LOGIN = frozenset(("username", "password", "basic"))
_OF_MESSAGE = _OF_LOGIN | {"to", "to_digits", "text", "text_hex", "coding", "from", "key", "receipt_url"}
_SHORTEST_SECRET = 16

ReceiptWord: TypeAlias = Literal["delivered", "bounced", "opened", "none"]


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"it is not a regular expression: {error}") from error
    return pattern


def _long_secret(secrets: SecretStr) -> SecretStr:
    if any(len(secret) < _SHORTEST_SECRET for secret in secrets.get_secret_value().split()):
        raise ValueError(f"a secret is too short: write at least {_SHORTEST_SECRET} characters for each")
    return secrets


Pattern: TypeAlias = Annotated[str, AfterValidator(_pattern)]
Secrets: TypeAlias = Annotated[SecretStr, AfterValidator(_long_secret)]


class SmsGatewayOptions(HttpOptions):
    """One gateway. docs/adapters/sms_gateway.md explains each option, and has the settings for Kannel.

    The patterns are regular expressions, searched for in the body of an answer; an empty one finds nothing, except that
    without a ``success_pattern`` any 2xx is a success. ``receipt_secret`` signs the URL of each message's receipts,
    ``fixed_token`` opens the door for calls to a URL that the gateway has in its own settings; each may be several
    secrets with spaces between them while they rotate.
    """

    url: str = ""
    method: Literal["GET", "POST"] = "POST"
    encoding: Literal["form", "json", "query"] = "form"
    fields: Mapping[str, JsonValue] = Field(default={})
    headers: Mapping[str, str] = Field(default={})
    sender: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    coding_gsm: str = "0"
    coding_unicode: str = "2"
    success_pattern: Pattern = ""
    reference_pattern: Pattern = ""
    retry_pattern: Pattern = ""
    rejected_pattern: Pattern = ""
    gone_pattern: Pattern = ""
    refused_pattern: Pattern = ""
    down_pattern: Pattern = ""
    receipt_url: str = ""
    receipt_suffix: str = ""
    receipt_secret: Secrets = SecretStr("")
    receipt_status: str = "status"
    receipt_kinds: Mapping[str, ReceiptWord] = Field(default={})
    receipt_detail: str = ""
    receipt_reference: str = ""
    fixed_token: Secrets = SecretStr("")
    text_from: str = "from"
    text_body: str = "text"
    text_charset: str = ""
    text_id: str = ""

    @property
    def receipt_secrets(self) -> tuple[str, ...]:
        """The secrets that sign receipt URLs, the one in use first."""
        return tuple(self.receipt_secret.get_secret_value().split())

    @property
    def fixed_tokens(self) -> tuple[str, ...]:
        """The tokens that calls to a fixed URL may have."""
        return tuple(self.fixed_token.get_secret_value().split())

    @field_validator("url", "receipt_url")
    @classmethod
    def _secure(cls, url: str) -> str:
        if url:
            secure_url(url)
        return url

    @field_validator("headers")
    @classmethod
    def _plain(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if not (name and f"{name}{value}".isascii() and f"{name}{value}".isprintable()):
                raise ValueError(f"`{name}`: a header has printable ASCII characters only")
            _known(f"headers.{name}", value, _OF_LOGIN)
        return headers

    @field_validator("fields")
    @classmethod
    def _says_what_to_whom(cls, fields: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        used = {one for name, value in fields.items() for one in _used(f"fields.{name}", value)}
        if not used & {"to", "to_digits"}:
            raise ValueError("no field says to whom: write a field with {to} or {to_digits}")
        if not used & {"text", "text_hex"}:
            raise ValueError("no field has the text: write a field with {text} or {text_hex}")
        return fields

    @model_validator(mode="after")
    def _callable(self) -> Self:
        if not self.url or not self.fields:
            raise ValueError("`url` and `fields` are needed: they say how the gateway is called")
        if self.method == "GET" and self.encoding != "query":
            raise ValueError('GET has its fields in the URL: set encoding = "query"')
        if self.encoding != "json":
            nested = [name for name, value in self.fields.items() if value is None or isinstance(value, list | dict)]
            if nested:
                raise ValueError(f'`fields.{nested[0]}`: only encoding = "json" has lists, tables and null')
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        asks = any("receipt_url" in _used("", value) for value in self.fields.values())
        if asks and not (self.receipt_url and self.receipt_secrets):
            raise ValueError("{receipt_url} needs `receipt_url` and `receipt_secret`")
        if self.receipt_suffix and not self.receipt_suffix.startswith("&"):
            raise ValueError("`receipt_suffix` is added to a URL that has a query: begin it with &")
        if self.reference_pattern and re.compile(self.reference_pattern).groups != 1:
            raise ValueError("`reference_pattern` needs one group, which is the reference: Id: ([0-9]+)")
        if asks and self.reference_pattern:
            raise ValueError(
                "with {receipt_url}, receipts are found by the URL: remove `reference_pattern`, or {receipt_url}"
            )
        if bool(self.receipt_reference) and not self.reference_pattern:
            raise ValueError("`receipt_reference` needs `reference_pattern`, which finds the same reference in answers")
        return self


def _used(place: str, value: JsonValue) -> Iterator[str]:
    """Yield the placeholders in a field, at any depth."""
    if isinstance(value, str):
        yield from _known(place, value, _OF_MESSAGE)
    elif isinstance(value, list):
        for one in value:
            yield from _used(place, one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _used(place, one)


def _known(place: str, value: str, known: frozenset[str]) -> list[str]:
    names = PLACEHOLDER.findall(value)
    for name in names:
        if name not in known:
            listed = ", ".join(f"{{{one}}}" for one in sorted(known))
            raise ValueError(f"`{place}`: there is no {{{name}}}; known: {listed}")
    return names
