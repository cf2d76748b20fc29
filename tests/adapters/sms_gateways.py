"""Gateways of three shapes, checked without any code of the adapter: a form, JSON with a bearer, and a URL with all in it."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Silence


@dataclass(frozen=True)
class Shape:
    """How a gateway wants to be called: the settings for it, and how it reads a request itself."""

    own: Mapping[str, object]
    read: Callable[[Request], tuple[str, str]]
    """Returns the number and the text; fails if the request is not as it should be."""

    def settings(self) -> dict[str, object]:
        patterns = {
            "success_pattern": "^OK",
            "retry_pattern": "^ERR busy",
            "rejected_pattern": "^ERR blocked",
            "gone_pattern": "^ERR no such number",
            "refused_pattern": "^ERR credit",
            "down_pattern": "^ERR login",
        }
        return {"username": "shop", "password": SECRET, "sender": "Maison", **patterns, **self.own}


def _of_form(request: Request) -> tuple[str, str]:
    assert (request.method, request.target) == ("POST", "/send?v=2")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    form = request.form
    assert form.keys() == {"user", "pw", "to", "msg", "from", "id", "flash", "parts"}
    assert (form["user"], form["pw"], form["from"]) == ("shop", SECRET, "Maison")
    assert (form["flash"], form["parts"]) == ("false", "3")
    assert form["id"].startswith("action-")
    return form["to"], form["msg"]


def _of_json(request: Request) -> tuple[str, str]:
    assert (request.method, request.target) == ("POST", "/send?v=2")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Basic " + b64encode(f"shop:{SECRET}".encode()).decode()
    read = request.json
    assert isinstance(read, dict)
    assert read["options"] == {"parts": 3, "flash": False, "validity": None, "from": "Maison"}
    (number,) = read["to"]
    return f"+{number}", read["text"]


def _of_query(request: Request) -> tuple[str, str]:
    assert (request.method, request.path, request.body) == ("GET", "/send", b"")
    query = request.query
    assert query.keys() == {"v", "key", "to", "hex", "type"}
    assert (query["v"], query["key"], query["type"]) == ("2", SECRET, "unicode")
    return query["to"], bytes.fromhex(query["hex"]).decode("utf-16-be")


FORM = Shape(
    {
        "fields": {
            "user": "{username}",
            "pw": "{password}",
            "to": "{to}",
            "msg": "{text}",
            "from": "{from}",
            "id": "{key}",
            "flash": False,
            "parts": 3,
        }
    },
    _of_form,
)
JSON = Shape(
    {
        "encoding": "json",
        "headers": {"authorization": "Basic {basic}"},
        "fields": {
            "to": ["{to_digits}"],
            "text": "{text}",
            "options": {"parts": 3, "flash": False, "validity": None, "from": "{from}"},
        },
    },
    _of_json,
)
QUERY = Shape(
    {
        "method": "GET",
        "encoding": "query",
        "coding_gsm": "plain",
        "coding_unicode": "unicode",
        "fields": {"key": "{password}", "to": "{to}", "hex": "{text_hex}", "type": "{coding}"},
    },
    _of_query,
)


@dataclass
class Gateway:
    """Takes texts; the first calls get ``answers`` instead."""

    shape: Shape
    answers: Sequence[Response | Silence | HangUp] = ()
    texts: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0

    def __call__(self, request: Request) -> Response | Silence | HangUp:
        number, text = self.shape.read(request)
        self.calls += 1
        if self.calls <= len(self.answers):
            return self.answers[self.calls - 1]
        assert number.startswith("+")
        assert number[1:].isdigit()
        self.texts.append((number, text))
        return Response(200, f"OK {len(self.texts)}".encode())
