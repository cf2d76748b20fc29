"""The options that all adapters over HTTP have."""

from pathlib import Path
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class HttpOptions(BaseModel):
    """How a provider's HTTP API is called. Times are in seconds.

    ``timeout`` limits connecting, and sending the request; ``answer_timeout`` the wait for the provider's answer after
    that. ``ca_file``: certificates to trust instead of the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connections: int = Field(default=20, ge=1, le=200)
    timeout: float = Field(default=10.0, gt=0)
    answer_timeout: float = Field(default=30.0, gt=0)
    ca_file: Path | None = None


def secure_url(url: str) -> str:
    """Return ``url`` without a trailing slash.

    Raises:
        ValueError: it is not an ``https`` URL, and not one on this machine either.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError(f"`{url}` is not a URL: write one such as https://api.example.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError(f"`{url}` is not encrypted: write https:// (http:// is for this machine only)")
    return url.rstrip("/")


SecureUrl: TypeAlias = Annotated[str, AfterValidator(secure_url)]
"""The type of an option that is such a URL; defaults are not looked at."""
