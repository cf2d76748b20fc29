"""The options of Web Push."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from adapters.domains import ascii_domain
from adapters.http.options import HttpOptions

SERVICES = ("fcm.googleapis.com", "push.services.mozilla.com", "web.push.apple.com", "notify.windows.com")
"""The push services of Chrome and its relatives, Firefox, Safari and Edge."""
_MAILTO = re.compile(r"mailto:[^\s@<>]+@[^\s@<>.]+(?:\.[^\s@<>.]+)+").fullmatch
_FOUR_WEEKS = 28 * 24 * 3600


class WebPushOptions(HttpOptions):
    """How browsers are notified.

    ``private_key`` is the VAPID key, 32 octets in Base64url. ``contact`` is whom push services may write to about us, as
    ``mailto:`` or ``https:`` URL. ``hosts`` are the push services that may be called, with their subdomains: customers
    send us the URLs, so no other machine may be reached through them. ``time_to_live`` is how long a service keeps a
    message for a browser that is not running, in seconds.
    """

    private_key: SecretStr = SecretStr("")
    contact: str = ""
    hosts: tuple[str, ...] = SERVICES
    time_to_live: int = Field(default=86_400, ge=0, le=_FOUR_WEEKS)
    urgency: Literal["very-low", "low", "normal", "high"] = "normal"

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        contact, parts = self.contact, urlsplit(self.contact)
        if _MAILTO(contact) or (parts.scheme == "https" and "." in (parts.hostname or "") and " " not in contact):
            return self
        raise ValueError(
            "contact: write a URL such as mailto:push@example.com or https://example.com/contact: Apple checks it"
        )

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not host or set(host) & set("/:@*? "):
                raise ValueError(f"`{host}` is not the name of a host: write one such as push.example.com")
        return tuple(ascii_domain(host) for host in hosts)
