"""Signatures of Tencent Cloud's API 3.0: TC3-HMAC-SHA256, for requests with a JSON body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest

ALGORITHM = "TC3-HMAC-SHA256"
_END = "tc3_request"


@dataclass(frozen=True, slots=True)
class Call:
    """One POST to ``/``. ``headers`` are those that are signed, names in lower case; ``day`` is the UTC day of ``seconds``."""

    service: str
    headers: Mapping[str, str]
    body: bytes
    seconds: int
    day: str


@dataclass(frozen=True, slots=True)
class SecretKey:
    """An account's key."""

    id: str
    secret: str = field(repr=False)


def authorization(call: Call, key: SecretKey) -> str:
    """Return the header ``Authorization`` of a call. Values of headers are signed in lower case."""
    names = ";".join(sorted(call.headers))
    lines = "".join(f"{name}:{call.headers[name].strip().lower()}\n" for name in sorted(call.headers))
    request = "\n".join(("POST", "/", "", lines, names, sha256(call.body).hexdigest()))
    scope = f"{call.day}/{call.service}/{_END}"
    signed = "\n".join((ALGORITHM, str(call.seconds), scope, sha256(request.encode()).hexdigest()))
    derived = f"TC3{key.secret}".encode()
    for part in (call.day, call.service, _END):
        derived = hmac_digest(derived, part.encode(), "sha256")
    signature = hmac_digest(derived, signed.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
