"""Verifying that a call comes from Twilio: X-Twilio-Signature (twilio.com/docs/usage/webhooks/webhooks-security).

Twilio signs the URL that it called, exactly, followed by the form's fields by name, each with its value. Of a body that
is not a form, the URL has the SHA-256 instead.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha1, sha256
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from adapters.base import Callback, NotAuthentic

Fields = Sequence[tuple[str, str]]
_USUAL_PORTS = {"https": 443, "http": 80}


def signature(token: str, url: str, form: Fields) -> str:
    """Return Twilio's signature of a call of ``url`` with the fields ``form``; a field's values count once each."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return b64encode(hmac.new(token.encode(), signed.encode(), sha1).digest()).decode("ascii")


def verify(callback: Callback, url: str, form: Fields, tokens: Sequence[str]) -> None:
    """Verify a call of ``url``, the public one, with the fields ``form`` if its body is a form.

    Raises:
        NotAuthentic: it is not signed with one of ``tokens``, or its body is not the one that was signed.
    """
    if "x-twilio-webhooks-signature-settings" in callback.headers:
        raise NotAuthentic("it is signed by a Webhooks Rule: only signatures with the account's token are supported")
    given = callback.headers.get("x-twilio-signature", "")
    if not given:
        raise NotAuthentic("the header X-Twilio-Signature is missing")
    expected = [signature(token, one, form) for token in tokens for one in _spellings(url)]
    if not any(hmac.compare_digest(one.encode(), given.encode()) for one in expected):
        raise NotAuthentic(
            "the signature matches neither auth_token nor the URL: check that callback_url is the one that Twilio calls"
        )
    if callback.body and not form:
        _verify_body(callback.body, url)


def _verify_body(body: bytes, url: str) -> None:
    digests = [value for name, value in parse_qsl(urlsplit(url).query) if name == "bodySHA256"]
    if len(digests) != 1 or not hmac.compare_digest(digests[0].lower().encode(), sha256(body).hexdigest().encode()):
        raise NotAuthentic("the body is not the one that was signed")


def _spellings(url: str) -> Iterator[str]:
    """Yield the URL with its port and without: of the usual ports, Twilio signs sometimes one, sometimes the other."""
    yield url
    parts = urlsplit(url)
    usual = _USUAL_PORTS.get(parts.scheme)
    if parts.port is None and usual:
        yield urlunsplit(parts._replace(netloc=f"{parts.netloc}:{usual}"))
    elif parts.port == usual:
        yield urlunsplit(parts._replace(netloc=parts.netloc.rpartition(":")[0]))
