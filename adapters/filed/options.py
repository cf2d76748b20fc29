"""The options that providers with filed templates have in common."""

from typing import Self

import orjson
from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.http.options import HttpOptions

_SHORTEST_SECRET = 16


class FiledOptions(HttpOptions):
    """Options of a provider with filed templates.

    ``sign_name`` is the signature as it was approved, without 【】. ``max_parameter`` is how many characters a parameter
    may have. ``callback_secret`` is in the URL that the provider calls with receipts, because it signs nothing; there may
    be several with spaces between them, while they change. Without it, no receipts are accepted.
    """

    sign_name: str = ""
    max_parameter: int = Field(default=35, ge=1)
    callback_secret: SecretStr = SecretStr("")

    @field_validator("templates", mode="before", check_fields=False)
    @classmethod
    def _from_the_environment(cls, templates: object) -> object:
        """Read JSON, which is how the environment gives tables."""
        if not isinstance(templates, str):
            return templates
        try:
            return orjson.loads(templates)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"it is not JSON: {error.msg}") from None

    @field_validator("callback_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if any(len(one) < _SHORTEST_SECRET for one in secret.get_secret_value().split()):
            raise ValueError(f"it is too short: write at least {_SHORTEST_SECRET} characters")
        return secret

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if not self.sign_name.strip() or "【" in self.sign_name:
            raise ValueError("`sign_name` is needed: write the approved signature, without 【】")
        return self
