"""Links in notices: a signed token that names a task and who was told of it. Whoever has the link may act on the task.

The token works as long as the task is to be done. It has the task's key, so that it means nothing in another store.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from engine.tasks.notices import DueNotice

PATH = "/tasks"
"""Below the web door's address; the token follows."""
_SALT = b"habitue.tasks"
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class LinkedTask:
    """What a token names: the task's number and key, and the owner who was told."""

    number: int
    key: str
    owner: str


class TaskLinks:
    """Makes and reads links."""

    def __init__(self, secret: str, public_url: str) -> None:
        """Sign with ``secret``; links begin with ``public_url``."""
        key = hmac.digest(secret.encode(), _SALT, sha256)
        self._signer = Signer(key, key_derivation="none", digest_method=sha256)
        self._base = f"{public_url}{PATH}"

    def url(self, notice: DueNotice) -> str:
        """Return the link for the owner whom ``notice`` tells."""
        said = f"{notice.task}|{notice.task_key}|{notice.owner}"
        return f"{self._base}/{self._signer.sign(base64_encode(said)).decode('ascii')}"

    def read(self, token: str) -> LinkedTask | None:
        """Return what ``token`` names; None if it was not signed here."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            number, key, owner = base64_decode(self._signer.unsign(token)).decode().split("|", 2)
        except (BadData, ValueError):
            return None
        return LinkedTask(int(number), key, owner)
