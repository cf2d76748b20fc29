"""Twilio's Messages API as its documentation describes it, checked without any code of the adapter."""

import json
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.adapters.fake_http import HangUp, Request, Response, Silence

ACCOUNT = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "fedcba9876543210" * 2
SENDER = "+12025550100"
TOKEN = "correct-horse-battery-staple"
"""The same as the secret that the contract looks for."""


def refusal(status: int, code: int, message: str) -> Response:
    """What Twilio answers if it does not take a message."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Response(status, {"code": code, "message": message, "more_info": more, "status": status})


@dataclass
class TwilioApi:
    """Takes texts for one account; the first calls get ``answers`` instead."""

    answers: Sequence[Response | Silence | HangUp] = ()
    password: str = TOKEN
    username: str = ACCOUNT
    texts: list[dict[str, str]] = field(default_factory=list)
    calls: int = 0

    def __call__(self, request: Request) -> Response | Silence | HangUp:
        assert (request.method, request.target) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        scheme, _, login = request.headers["authorization"].partition(" ")
        assert scheme == "Basic"
        if b64decode(login).decode() != f"{self.username}:{self.password}":
            return refusal(401, 20003, "Authenticate")
        self.calls += 1
        if self.calls <= len(self.answers):
            return self.answers[self.calls - 1]
        return self._take(request.form)

    def _take(self, form: dict[str, str]) -> Response:
        to = form["To"]
        if not (to.startswith("+") and to[1:].isdigit() and 8 <= len(to) <= 16):
            return refusal(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if ("From" in form) == ("MessagingServiceSid" in form):
            return refusal(400, 21603, "A 'From' or 'MessagingServiceSid' parameter is required")
        self.texts.append(form)
        sid = f"SM{len(self.texts):032x}"
        read = {
            "sid": sid,
            "status": "queued",
            "account_sid": ACCOUNT,
            "to": to,
            "body": form["Body"],
            "error_code": None,
        }
        return Response(201, json.dumps(read).encode(), [("content-type", "application/json")])
