"""A provider's HTTP API in a process of its own, which notes each message before it says that it has taken it.

It is one of the fakes of the adapters' tests, which check requests without any code of the program. Run as
``python -m tests.faults.http_sink PROVIDER LOG``: prints its port, and appends a line ``what<tab>recipient`` to LOG for each
message; a third field, ``again``, if the provider has recognised a second copy, which it then does not deliver.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sized
from dataclasses import dataclass

from tests.adapters.fake_fcm import FakeFcm
from tests.adapters.fake_http import HangUp, Request, Response, Script, Silence, fake_http
from tests.adapters.jpush_api import JPushApi
from tests.adapters.twilio_api import TwilioApi
from tests.adapters.webhook_endpoint import SECRET, signature

ANSWERS_AFTER = 0.02
"""Seconds, as over the internet: so a worker that is killed has messages without an answer."""
FCM_TOKEN = "an-access-token"


@dataclass(frozen=True)
class Taking:
    """A fake, where it keeps what it delivers, and what tells a message that it takes from others, and to whom it goes."""

    api: Script
    delivered: Sized
    read: Callable[[Request], tuple[str, str] | None]


def twilio() -> Taking:
    api = TwilioApi()
    return Taking(api, api.texts, lambda request: (request.form["Body"], request.form["To"]))


def fcm() -> Taking:
    given = {"access_token": FCM_TOKEN, "expires_in": 3_599, "token_type": "Bearer"}
    api = FakeFcm(token_answer=lambda _: Response(200, given), given=[FCM_TOKEN])

    def read(request: Request) -> tuple[str, str] | None:
        if request.path == "/token":
            return None
        message = json.loads(request.body)["message"]
        return message["android"]["collapse_key"], message["token"]

    return Taking(api, api.messages, read)


def jpush() -> Taking:
    api = JPushApi()

    def read(request: Request) -> tuple[str, str] | None:
        if request.path != "/v3/push":
            return None
        push = json.loads(request.body)
        return push["notification"]["android"]["alert"], push["audience"]["registration_id"][0]

    return Taking(api, api.made, read)


def webhook() -> Taking:
    """Return an endpoint that verifies, and does what the page for receivers asks of it: it takes each id once."""
    taken: dict[str, bytes] = {}

    def endpoint(request: Request) -> Response:
        if signature(SECRET, request) != request.headers["webhook-signature"]:
            return Response(401)
        taken.setdefault(request.headers["webhook-id"], request.body)
        return Response(204)

    return Taking(endpoint, taken, lambda request: (request.headers["webhook-id"], json.loads(request.body)["user"]))


PROVIDERS: dict[str, Callable[[], Taking]] = {"twilio": twilio, "fcm": fcm, "jpush": jpush, "webhook": webhook}


class Noting:
    """Notes what a fake takes; each line is one write, so a reader sees whole lines."""

    def __init__(self, taking: Taking, path: str) -> None:
        self._taking = taking
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, request: Request) -> Response | Silence | HangUp:
        before = len(self._taking.delivered)
        answer = self._taking.api(request)
        what = self._taking.read(request)
        if what is not None and isinstance(answer, Response) and answer.status < 300:
            fields = what if len(self._taking.delivered) > before else (*what, "again")
            os.write(self._log, ("\t".join(fields) + "\n").encode())
        return answer


async def main(provider: str, path: str) -> None:
    async with fake_http(Noting(PROVIDERS[provider](), path), ANSWERS_AFTER) as server:
        print(server.url.rpartition(":")[2], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
