"""The fields of a gateway's call: those of its URL, and those of its body, which is a form or a JSON object."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import orjson

from adapters.base import Callback, CallbackError


class CallFields:
    """The fields of one call, as octets: which characters they are depends on the gateway."""

    def __init__(self, callback: Callback) -> None:
        """Read a call.

        Raises:
            CallbackError: its URL is not one, or its body neither a form nor a JSON object.
        """
        try:
            query = urlsplit(callback.url).query
        except ValueError as error:
            raise CallbackError("the URL that was called is not one") from error
        self.url = _parsed(query)
        self._all = {**_of_body(callback), **self.url}

    def __contains__(self, name: str) -> bool:
        """Tell whether there is such a field."""
        return name in self._all

    def text(self, name: str, charset: str = "utf-8") -> str:
        """Return a field's text; empty if there is none.

        Raises:
            CallbackError: there is no such charset.
        """
        try:
            return self._all.get(name, b"").decode(charset, "replace")
        except LookupError as error:
            raise CallbackError("the text is in a charset that is not known") from error


def _of_body(callback: Callback) -> Mapping[str, bytes]:
    if not callback.body:
        return {}
    if not callback.headers.get("content-type", "").lower().startswith("application/json"):
        return _parsed(callback.body.decode("latin-1"))
    try:
        read = orjson.loads(callback.body)
    except orjson.JSONDecodeError as error:
        raise CallbackError("the body is not JSON") from error
    if not isinstance(read, dict):
        raise CallbackError("the body is not a JSON object")
    return {name: str(value).encode("utf-8", "replace") for name, value in read.items() if value is not None}


def _parsed(text: str) -> dict[str, bytes]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=100)
        return {name: value.encode("latin-1") for name, value in pairs}
    except ValueError as error:
        raise CallbackError("the fields of the call cannot be read") from error
