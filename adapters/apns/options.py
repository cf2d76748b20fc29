"""Settings of the APNs adapter."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.http.options import HttpOptions, secure_url

HOSTS = {"production": "https://api.push.apple.com", "sandbox": "https://api.sandbox.push.apple.com"}
THIRTY_DAYS = 2_592_000
_TEN = re.compile(r"[A-Z0-9]{10}").fullmatch


class ApnsOptions(HttpOptions):
    """Which app is sent to, by whose key, and how. Times are in seconds.

    The key is the text of the ``.p8`` file that Apple gives, in a file or in the environment. ``topic`` is the app's
    bundle ID. ``time_to_live`` is how long APNs keeps a message for a device that is offline; 0: not at all.
    ``connections`` is how many messages are under way at once, all over one HTTP/2 connection. ``url`` is that of the
    environment if empty.
    """

    connections: int = Field(default=50, ge=1, le=100)
    key_file: Path | None = None
    key: SecretStr = SecretStr("")
    key_id: str = ""
    team_id: str = ""
    topic: str = ""
    environment: Literal["production", "sandbox"] = "production"
    time_to_live: int = Field(default=86_400, ge=0, le=THIRTY_DAYS)
    priority: Literal["normal", "high"] = "high"
    url: str = ""

    @property
    def host(self) -> str:
        """Where messages are sent."""
        return self.url or HOSTS[self.environment]

    @field_validator("url")
    @classmethod
    def _be_secure(cls, url: str) -> str:
        return secure_url(url) if url else ""

    @model_validator(mode="after")
    def _be_complete(self) -> Self:
        for name, value in (("key_id", self.key_id), ("team_id", self.team_id)):
            if not _TEN(value):
                raise ValueError(f"set {name}: ten capital letters and digits, as in the Apple developer account")
        if not re.fullmatch(r"[A-Za-z0-9.-]+", self.topic):
            raise ValueError("set topic: the bundle ID of the app, such as com.example.shop")
        if bool(self.key_file) == bool(self.key.get_secret_value()):
            raise ValueError("set key_file, or HABITUE_ADAPTERS__APNS__KEY in the environment")
        return self
