"""APNs on this machine, as Apple's documentation describes it. It verifies tokens with nothing of the program."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.apns.adapter import ApnsAdapter
from adapters.base import PushPayload
from adapters.kinds import make_adapter
from adapters.registry import ADAPTERS
from tests.adapters.fake_fcm import octets
from tests.adapters.fake_http import Request, Response
from tests.adapters.fake_http2 import FakeHttp2, Said2, fake_http2

NOW = 1_795_165_200_000
"""A full half hour."""
KEY_ID, TEAM_ID, TOPIC = "ABC123DEFG", "DEF123GHIJ", "com.example.maison"
DEVICE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


@cache
def key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def pem() -> str:
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def apns_error(status: int, reason: str, **more: object) -> Response:
    return Response(status, {"reason": reason, **more})


@dataclass
class FakeApns:
    """``answer`` may answer messages; None means as usual."""

    answer: Callable[[Request], Said2 | None] = lambda _: None
    now: Callable[[], int] = lambda: NOW
    messages: list[Request] = field(default_factory=list)
    stated: list[int] = field(default_factory=list)
    """The times that the tokens stated, each once, in seconds."""

    def __call__(self, request: Request) -> Said2:
        refused = self._refused(request)
        if refused is not None:
            return refused
        own = self.answer(request)
        if own is not None:
            return own
        self.messages.append(request)
        return Response(200, b"", [("apns-id", request.headers["apns-id"])])

    def _refused(self, request: Request) -> Response | None:
        headers = request.headers
        assert request.method == "POST"
        assert headers["apns-push-type"] == "alert"
        assert headers["apns-priority"] in {"5", "10"}
        assert _UUID(headers["apns-id"])
        assert 0 < len(headers["apns-collapse-id"]) <= 64
        assert len(request.body) <= 4_096
        if not re.fullmatch(r"/3/device/([0-9a-f]{2})+", request.target):
            return apns_error(400, "BadDeviceToken")
        if headers.get("apns-topic") != TOPIC:
            return apns_error(400, "TopicDisallowed")
        return self._token_refused(headers["authorization"])

    def _token_refused(self, authorization: str) -> Response | None:
        scheme, _, token = authorization.partition(" ")
        assert scheme == "bearer"
        signed, _, signature = token.rpartition(".")
        raw = octets(signature)
        assert len(raw) == 64
        both = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        try:
            key().public_key().verify(both, signed.encode(), ECDSA(SHA256()))
        except InvalidSignature:
            return apns_error(403, "InvalidProviderToken")
        head, claims = (json.loads(octets(part)) for part in signed.split("."))
        if head != {"alg": "ES256", "kid": KEY_ID} or claims.keys() != {"iss", "iat"} or claims["iss"] != TEAM_ID:
            return apns_error(403, "InvalidProviderToken")
        age = self.now() // 1_000 - claims["iat"]
        if not 0 <= age <= 3_600:
            return apns_error(403, "ExpiredProviderToken")
        if claims["iat"] not in self.stated:
            self.stated.append(claims["iat"])
        return None


def payload_of(request: Request) -> PushPayload:
    """Return what arrived, as the app sees it."""
    whole = json.loads(request.body)
    aps = whole.pop("aps")
    assert aps.keys() <= {"alert", "mutable-content"}
    image, link = whole.pop("image", ""), whole.pop("link", "")
    assert ("mutable-content" in aps) is bool(image)
    assert all(isinstance(value, str) for value in whole.values())
    return PushPayload(aps["alert"]["title"], aps["alert"]["body"], image, link, whole)


@asynccontextmanager
async def apns_adapter(fake: FakeApns, folder: Path, **changes: object) -> AsyncIterator[tuple[ApnsAdapter, FakeHttp2]]:
    """Return an adapter that is connected to ``fake``."""
    async with fake_http2(fake, folder) as server:
        options = {"key": pem(), "key_id": KEY_ID, "team_id": TEAM_ID, "topic": TOPIC, "url": server.url}
        own = {"ca_file": folder / "ca.pem", **changes}
        adapter = make_adapter("apns", {**options, **own}, ADAPTERS, fake.now)
        assert isinstance(adapter, ApnsAdapter)
        async with adapter:
            yield adapter, server
