"""Google's token endpoint and FCM on this machine, as their documentation describes them.

It verifies assertions with the public key and nothing of the program, and refuses what it has not handed out.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.base import PushPayload
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Silence

PROJECT, EMAIL = "maison-app", "push@maison-app.iam.gserviceaccount.com"
NOW = 1_795_165_200_000
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Answering = Callable[[Request], Response | Silence | HangUp | None]


@cache
def key() -> RSAPrivateKey:
    return generate_private_key(65_537, 2_048)


def pem() -> str:
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def account(url: str, **changes: object) -> str:
    """Return the JSON of a service account whose token endpoint is at ``url``."""
    usual = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": f"id-{SECRET}",
        "private_key": pem(),
        "client_email": EMAIL,
        "token_uri": f"{url}/token",
    }
    return json.dumps({**usual, **changes})


def fcm_error(status: int, code: str, own: str = "", message: str = "", **details: object) -> Response:
    """Return an error in Google's form: the canonical ``code``, FCM's ``own``, and further details by type."""
    listed: list[Mapping[str, object]] = []
    if own:
        listed.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": own})
    for name, content in details.items():
        assert isinstance(content, dict)
        listed.append({"@type": f"type.googleapis.com/google.{name.replace('_', '.')}", **content})
    return Response(status, {"error": {"code": status, "message": message, "status": code, "details": listed}})


def violations(*fields: str) -> dict[str, object]:
    return {"fieldViolations": [{"field": name, "description": f"wrong: {SECRET}"} for name in fields]}


UNAUTHENTICATED = fcm_error(401, "UNAUTHENTICATED", message=f"Request had invalid credentials {SECRET}")


@dataclass
class FakeFcm:
    """``answer`` may answer messages, ``token_answer`` requests for tokens; None means as usual."""

    answer: Answering = lambda _: None
    token_answer: Answering = lambda _: None
    lasts: object = 3_599
    now: Callable[[], int] = lambda: NOW
    given: list[str] = field(default_factory=list)
    """The tokens that were handed out; the last one is good."""
    messages: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Response | Silence | HangUp:
        assert request.method == "POST"
        return self._token(request) if request.path == "/token" else self._message(request)

    def _token(self, request: Request) -> Response | Silence | HangUp:
        own = self.token_answer(request)
        if own is not None:
            return own
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.form.keys() == {"grant_type", "assertion"}
        assert request.form["grant_type"] == GRANT
        head, claims = verified(request.form["assertion"])
        assert head == {"alg": "RS256", "typ": "JWT", "kid": f"id-{SECRET}"}
        at = self.now() // 1_000
        assert claims == {
            "iss": EMAIL,
            "scope": "https://www.googleapis.com/auth/firebase.messaging",
            "aud": f"http://{request.headers['host']}/token",
            "iat": at,
            "exp": at + 3_600,
        }
        self.given.append(f"ya29.{SECRET}.{len(self.given)}")
        return Response(200, {"access_token": self.given[-1], "expires_in": self.lasts, "token_type": "Bearer"})

    def _message(self, request: Request) -> Response | Silence | HangUp:
        assert request.target == f"/v1/projects/{PROJECT}/messages:send"
        if not self.given or request.headers.get("authorization") != f"Bearer {self.given[-1]}":
            return UNAUTHENTICATED
        assert request.headers["content-type"].startswith("application/json")
        own = self.answer(request)
        if own is not None:
            return own
        if not sent(request)["token"]:
            return fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", rpc_BadRequest=violations("message"))
        self.messages.append(request)
        return Response(200, {"name": f"projects/{PROJECT}/messages/0:{len(self.messages)}%1"})


def verified(assertion: str) -> tuple[object, object]:
    """Return the header and the claims of a JWT (RFC 7515) signed with ``key``."""
    signed, _, signature = assertion.rpartition(".")
    key().public_key().verify(octets(signature), signed.encode(), PKCS1v15(), SHA256())
    head, claims = signed.split(".")
    return json.loads(octets(head)), json.loads(octets(claims))


def octets(text: str) -> bytes:
    assert "=" not in text
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sent(request: Request) -> dict[str, object]:
    """Return the message of a request."""
    body = request.json
    assert isinstance(body, dict)
    assert body.keys() == {"message"}
    message: dict[str, object] = body["message"]
    assert message.keys() <= {"token", "notification", "data", "android", "apns", "webpush"}
    return message


def payload_of(request: Request) -> PushPayload:
    """Return what arrived, as the app sees it."""
    message = sent(request)
    shown, data = message["notification"], dict(message.get("data", {}))  # type: ignore[call-overload]
    assert isinstance(shown, dict)
    assert all(isinstance(value, str) for value in data.values())
    link = data.pop("link", "")
    return PushPayload(shown["title"], shown["body"], shown.get("image", ""), link, data)
