"""A receiver of webhooks that verifies as the Standard Webhooks specification says, with hmac alone."""

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256

from tests.adapters.fake_http import HangUp, Request, Response, Script, Silence

NOW = 1_795_165_200_000
"""What the adapter's clock says, in UTC milliseconds."""
SECRET = "whsec_" + b64encode(b"correct-horse-battery-staple-0001").decode()
OLD_SECRET = "whsec_" + b64encode(b"correct-horse-battery-staple-0000").decode()


def signature(secret: str, request: Request) -> str:
    """Return the signature that a request has to have."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = b64decode(secret.removeprefix("whsec_"))
    return "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()


def genuine(request: Request, secret: str = SECRET) -> bool:
    """Tell whether a request was signed with ``secret``, just now, and is a POST of JSON."""
    recent = abs(int(request.headers["webhook-timestamp"]) - NOW // 1000) < 300
    signed = signature(secret, request) in request.headers["webhook-signature"].split(" ")
    return recent and signed and request.method == "POST" and request.headers["content-type"] == "application/json"


def endpoint(*answers: Response | Silence | HangUp, secret: str = SECRET) -> Script:
    """Return an endpoint that refuses what is not genuine, and answers 204 to the rest after the scripted answers."""
    scripted = list(answers)

    def script(request: Request) -> Response | Silence | HangUp:
        if not genuine(request, secret):
            return Response(401)
        return scripted.pop(0) if scripted else Response(204)

    return script
