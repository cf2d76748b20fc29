"""A push service and the browsers behind it: reads what arrives with code of its own, after RFC 8030, 8188, 8291 and 8292."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.adapters.fake_http import HangUp, Request, Response, Silence

NOW = 1_795_165_200_000
"""2026-11-20T09:00:00Z."""
KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
"""The private key of the application server in the example of RFC 8291, here our VAPID key."""
KEY_SHOWN = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
CONTACT = "mailto:push@example.com"


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _point(octets: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)


@dataclass(frozen=True)
class Browser:
    """A browser with a subscription: by default that of the example in RFC 8291."""

    private: str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
    auth: str = "BTBZMqHH6r4Tts7J_aSIgg"

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(unb64(self.private), "big"), ec.SECP256R1())

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def subscription(self, endpoint: str) -> str:
        keys = {"p256dh": b64(self.public), "auth": self.auth}
        return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys})

    def decrypt(self, body: bytes) -> bytes:
        """Return what ``body`` says; one record is all that RFC 8291 permits."""
        salt, record, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, ciphertext = body[21 : 21 + length], body[21 + length :]
        assert (length, len(body) <= 4096, len(ciphertext) <= record) == (65, True, True)
        secret = self.key.exchange(ec.ECDH(), _point(theirs))
        first = _hmac(unb64(self.auth), secret)
        seed = _hmac(first, b"WebPush: info\0" + self.public + theirs + b"\x01")
        second = _hmac(salt, seed)
        content_key = _hmac(second, b"Content-Encoding: aes128gcm\0\x01")[:16]
        nonce = _hmac(second, b"Content-Encoding: nonce\0\x01")[:12]
        padded = AESGCM(content_key).decrypt(nonce, ciphertext, None)
        message, mark = padded.rstrip(b"\0")[:-1], padded.rstrip(b"\0")[-1:]
        assert mark == b"\x02"
        return message


def claims_of(authorization: str) -> Mapping[str, Any]:
    """Return the claims of a VAPID header whose signature is right, by the key that it names."""
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid"
    given = dict(one.strip().split("=", 1) for one in parameters.split(","))
    assert given["k"] == KEY_SHOWN
    head, claims, signature = given["t"].split(".")
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = unb64(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    _point(unb64(given["k"])).verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    read: Mapping[str, Any] = json.loads(unb64(claims))
    return read


@dataclass
class PushService:
    """Answers the first calls as it is told, then accepts. A message replaces an earlier one with its topic."""

    answers: Sequence[Response | Silence | HangUp] = ()
    now: int = NOW
    browser: Browser = field(default_factory=Browser)
    calls: int = 0
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Topic -> message."""
    tokens: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response | Silence | HangUp:
        self.calls += 1
        if self.calls <= len(self.answers):
            return self.answers[self.calls - 1]
        wrong = self._wrong(request)
        if wrong:
            return wrong
        self.tokens.append(request.headers["authorization"])
        self.kept[request.headers["topic"]] = json.loads(self.browser.decrypt(request.body))
        return Response(201, headers=[("location", f"/message/{self.calls}")])

    def _wrong(self, request: Request) -> Response | None:
        head = request.headers
        if request.method != "POST" or not request.path.startswith("/push/"):
            return Response(404)
        try:
            claims = claims_of(head.get("authorization", ""))
        except (AssertionError, InvalidSignature, KeyError, ValueError):
            return Response(401, {"reason": "BadJwtToken"})
        seconds = self.now // 1000
        if claims["aud"] != f"http://{head['host']}" or not seconds < claims["exp"] <= seconds + 24 * 3600:
            return Response(403, {"reason": "BadJwtToken"})
        if claims["sub"] != CONTACT or head.get("content-encoding") != "aes128gcm" or not head.get("ttl", "").isdigit():
            return Response(400, {"reason": "BadRequest"})
        if head["urgency"] not in {"very-low", "low", "normal", "high"} or not 0 < len(head["topic"]) <= 32:
            return Response(400, {"reason": "BadRequest"})
        return Response(413) if len(request.body) > 4096 else None
