"""The options of JPush."""

import re
from typing import Self

from pydantic import Field, SecretStr, model_validator

from adapters.http.options import HttpOptions, SecureUrl

_TEN_DAYS = 10 * 24 * 3600
_KEY = re.compile(r"[!-9;-~]+").fullmatch
"""Anything but a colon, which separates it from the secret in requests."""


class JPushOptions(HttpOptions):
    """How an app's devices are notified.

    ``app_key`` and ``master_secret`` are the app's. ``time_to_live`` is how long JPush keeps a message for a device that
    is not online, in seconds. ``keys_at_once`` is how many keys JPush gives at once: 10, or up to 1,000 with a VIP account.
    """

    url: SecureUrl = "https://api.jpush.cn"
    app_key: str = ""
    master_secret: SecretStr = SecretStr("")
    apns_production: bool = True
    time_to_live: int = Field(default=86_400, ge=0, le=_TEN_DAYS)
    keys_at_once: int = Field(default=10, ge=1, le=1000)

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        if not _KEY(self.app_key):
            raise ValueError("app_key: write the AppKey that the console of JPush shows for the app")
        if not self.master_secret.get_secret_value():
            raise ValueError("master_secret: put the app's Master Secret into HABITUE_ADAPTERS__JPUSH__MASTER_SECRET")
        return self
