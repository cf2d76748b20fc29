"""A browser's subscription, as ``PushSubscription.toJSON()`` gives it: the address of a message.

It comes from customers, and its endpoint is a URL that we call. So only the push services in the options are called.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, Field, ValidationError

from adapters.domains import ascii_domain
from adapters.webpush.base64url import decoded

_LOOPBACK = frozenset(("localhost", "127.0.0.1"))
_AUTH = 16
_LONGEST = 2048
_PORTS = range(1, 65_536)


class _Keys(BaseModel):
    p256dh: str
    auth: str


class _Subscription(BaseModel):
    endpoint: str = Field(max_length=_LONGEST)
    keys: _Keys


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser gets its messages, and for what keys they are encrypted. ``origin`` is the push service's."""

    endpoint: str = field(repr=False)
    origin: str
    key: ec.EllipticCurvePublicKey = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be in the log: whoever knows it can write to the browser."""
        path = self.endpoint.removeprefix(self.origin)
        return self.endpoint, path, *path.split("/")


def read_subscription(text: str, hosts: Sequence[str]) -> Subscription:
    """Return the subscription in ``text``, whose endpoint must be on one of ``hosts`` or a subdomain.

    Raises:
        ValueError: there is none, or its endpoint may not be called; the error says why, without any of its text.
    """
    try:
        read = _Subscription.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the JSON"
        raise ValueError(f"this is not a browser's subscription: {where} is missing or wrong") from None
    origin = _origin(read.endpoint, hosts)
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(read.keys.p256dh))
        auth = decoded(read.keys.auth)
    except ValueError:
        raise ValueError("the subscription's keys are not those of a browser") from None
    if len(auth) != _AUTH:
        raise ValueError("the subscription's keys are not those of a browser")
    return Subscription(read.endpoint, origin, key, auth)


def _origin(endpoint: str, hosts: Sequence[str]) -> str:
    """Return the origin of an endpoint that may be called; it is read as the HTTP client will read it."""
    try:
        url = httpx2.URL(endpoint)
        host = url.host.lower() if url.host in _LOOPBACK else ascii_domain(url.host)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise ValueError("the subscription's endpoint is not a URL") from None
    if url.scheme != "https" and not (url.scheme == "http" and host in _LOOPBACK):
        raise ValueError("the subscription's endpoint is not encrypted")
    if (
        url.userinfo
        or (url.port or 443) not in _PORTS
        or not any(host == one or host.endswith(f".{one}") for one in hosts)
    ):
        raise ValueError("the subscription's endpoint is on none of the push services in `hosts`")
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{host}{port}"
