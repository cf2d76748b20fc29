"""Links in notices: a signed token that names a task and who was told of it. Whoever has the link may act on the task.

The token works as long as the task is to be done. It has the task's key, so that it means nothing in another store.
"""

from dataclasses import dataclass

from engine.signed_tokens import SignedTokens
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
        self._tokens = SignedTokens((secret,), _SALT, _LONGEST)
        self._base = f"{public_url}{PATH}"

    def url(self, notice: DueNotice) -> str:
        """Return the link for the owner whom ``notice`` tells."""
        return f"{self._base}/{self._tokens.make(notice.task, notice.task_key, notice.owner)}"

    def read(self, token: str) -> LinkedTask | None:
        """Return what ``token`` names; None if it was not signed here."""
        said = self._tokens.read(token)
        if said is None:
            return None
        try:
            number, key, owner = said.decode().split("|", 2)
        except ValueError:
            return None
        return LinkedTask(int(number), key, owner)
