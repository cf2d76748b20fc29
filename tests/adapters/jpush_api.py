"""JPush's Push API v3, after its documentation: what it checks, what it answers, and that of one ``cid`` only one push is made."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Silence

APP_KEY = "7d431e42dfa6a6d693ac2d04"
DEVICE = "1a0018970aa1b2c3d4e"
_NOTIFICATION = {
    "android": {"alert", "title", "extras", "style", "big_pic_path", "intent"},
    "ios": {"alert", "sound", "extras", "mutable-content"},
}


def refusal(status: int, code: int, message: str = "no") -> Response:
    return Response(status, {"error": {"code": code, "message": message}, "msg_id": 0})


@dataclass
class JPushApi:
    """Answers the first pushes as it is told, then makes them. The answers to the first ``lost`` are lost, as ``how`` says."""

    answers: Sequence[Response | Silence | HangUp] = ()
    lost: int = 0
    how: HangUp | Silence = field(default_factory=HangUp)
    most: int = 10
    calls: int = 0
    given: int = 0
    keys: list[str] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """How many keys each call wanted."""
    made: list[Mapping[str, Any]] = field(default_factory=list)
    first: dict[str, Response] = field(default_factory=dict)
    """``cid`` -> the answer to the push that was made."""

    def __call__(self, request: Request) -> Response | Silence | HangUp:
        scheme, _, login = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic" or b64decode(login).decode() != f"{APP_KEY}:{SECRET}":
            return refusal(401, 1004, "Authen failed")
        if (request.method, request.path) == ("GET", "/v3/push/cid"):
            return self._give(int(request.query.get("count", "1")))
        if (request.method, request.path) != ("POST", "/v3/push"):
            return Response(404)
        self.calls += 1
        if self.calls <= len(self.answers):
            return self.answers[self.calls - 1]
        answer = self._push(json.loads(request.body))
        return self.how if self.calls <= self.lost else answer

    def _give(self, count: int) -> Response:
        self.asked.append(count)
        new = [f"{APP_KEY}-{self.given + number:08d}" for number in range(min(count, self.most))]
        self.given += len(new)
        self.keys += new
        return Response(200, {"cidlist": new})

    def _push(self, push: dict[str, Any]) -> Response:
        cid = push.get("cid")
        if cid in self.first:
            return self.first[cid]
        if cid is not None and cid not in self.keys:
            return refusal(400, 1003, "cid is not valid")
        if push.keys() - {"cid", "platform", "audience", "notification", "options"}:
            return refusal(400, 1009, "unknown key")
        if push["audience"].keys() != {"registration_id"} or push["platform"] != ["android", "ios"]:
            return refusal(400, 1003, "audience")
        for platform, keys in _NOTIFICATION.items():
            shown = push["notification"].get(platform, {})
            if not shown.get("alert") or shown.keys() - keys:
                return refusal(400, 1009, platform)
        if not all(one.isalnum() for one in push["audience"]["registration_id"]):
            return refusal(400, 1003, "registration_id")
        self.made.append(push)
        answer = Response(200, {"sendno": "0", "msg_id": str(18_100_000_000 + len(self.made))})
        if cid is not None:
            self.first[cid] = answer
        return answer
