"""Signatures of Alibaba Cloud's API, version 3: ACS3-HMAC-SHA256, for requests whose parameters are in the query."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"
_NO_BODY = sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Call:
    """One call without a body. ``date`` is UTC in ISO 8601, to the second; ``nonce`` is never used again."""

    host: str
    action: str
    version: str
    query: Mapping[str, str]
    date: str
    nonce: str

    @property
    def canonical_query(self) -> str:
        """The query as it is signed and sent: sorted, with everything but unreserved characters escaped."""
        return "&".join(f"{quote(name, safe='')}={quote(self.query[name], safe='')}" for name in sorted(self.query))


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An account's key."""

    id: str
    secret: str = field(repr=False)


def signed_headers(call: Call, key: AccessKey) -> dict[str, str]:
    """Return the headers of a POST to ``/``, with the signature."""
    headers = {
        "host": call.host,
        "x-acs-action": call.action,
        "x-acs-content-sha256": _NO_BODY,
        "x-acs-date": call.date,
        "x-acs-signature-nonce": call.nonce,
        "x-acs-version": call.version,
    }
    names = ";".join(headers)  # in alphabetical order
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n{call.canonical_query}\n{lines}\n{names}\n{_NO_BODY}"
    signed = f"{ALGORITHM}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac_digest(key.secret.encode(), signed.encode(), "sha256").hex()
    return {**headers, "authorization": f"{ALGORITHM} Credential={key.id},SignedHeaders={names},Signature={signature}"}
