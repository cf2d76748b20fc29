"""The options that providers with filed templates have in common."""

from pydantic import Field, SecretStr, field_validator

from adapters.http.options import HttpOptions, secure_url

_SHORTEST_SECRET = 16


class FiledOptions(HttpOptions):
    """Options of a provider with filed templates.

    ``callback_secret`` is in the URL that the provider calls with receipts, because it signs nothing; without it, no
    receipts are accepted.
    """

    callback_secret: SecretStr = SecretStr("")
    max_parameter: int = Field(default=35, ge=1)

    @field_validator("url", check_fields=False)
    @classmethod
    def _secure(cls, url: str) -> str:
        return secure_url(url)

    @field_validator("callback_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"it is too short: write at least {_SHORTEST_SECRET} characters")
        return secret
