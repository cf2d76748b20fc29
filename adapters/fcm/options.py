"""Settings of the FCM adapter."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from adapters.http.options import HttpOptions, SecureUrl

FOUR_WEEKS = 2_419_200
"""The longest time to live that FCM takes, in seconds."""


class FcmOptions(HttpOptions):
    """Which Firebase project sends, and how. Times are in seconds.

    The service account is the JSON that the Google Cloud console gives, in a file or in the environment. ``project`` is
    that of the service account if empty. ``time_to_live`` is how long FCM keeps a message for a device that is offline.
    """

    service_account_file: Path | None = None
    service_account: SecretStr = SecretStr("")
    project: str = Field(default="", pattern=r"^[a-z0-9.:-]*$")
    time_to_live: int = Field(default=86_400, ge=0, le=FOUR_WEEKS)
    priority: Literal["normal", "high"] = "high"
    android_channel: str = ""
    url: SecureUrl = "https://fcm.googleapis.com"

    @model_validator(mode="after")
    def _have_one_account(self) -> Self:
        if bool(self.service_account_file) == bool(self.service_account.get_secret_value()):
            raise ValueError("set service_account_file, or HABITUE_ADAPTERS__FCM__SERVICE_ACCOUNT in the environment")
        return self
