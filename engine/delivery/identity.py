"""What identifies a message: the same whenever it is made, even if the database lost its rows and made them anew.

Providers and mail systems recognise a second copy by the idempotency key and the Message-ID. So neither may depend on
what a lost transaction takes along: row ids, and the instant at which a row was written. Both are derived from the
installation, the playbook, the user's key, the occasion, the step and the attempt; for a message to one of several devices,
the device takes the place of the attempt.
"""

from hashlib import blake2b

from engine.playbooks.triggers.transitions import OCCURRENCE as TRANSITION
from engine.store.secrets import InstallationSecret

STORE = "store"
"""The name of the secret that tells installations apart: large providers drop mail with a Message-ID that they know, so a
database that is created anew must not repeat those of the old one. A restored backup does."""

# An event has its own key. A transition has nothing of its own but its id, so the enrolments of this user and playbook by
# transitions are counted. All other occurrences are the calendar's, or are numbered for each user.
OCCASION_SQL = (
    "CASE WHEN e.key IS NOT NULL THEN 'event:' || e.key"
    f" WHEN n.occurrence LIKE '{TRANSITION}:%' THEN '{TRANSITION}:' || CAST((SELECT count(*) FROM enrolment AS same"
    " WHERE same.playbook = n.playbook AND same.user_id = n.user_id"
    f" AND same.occurrence LIKE '{TRANSITION}:%' AND same.id <= n.id) AS TEXT)"
    " ELSE coalesce(n.occurrence, 'enrolment:' || CAST(a.enrolment_id AS TEXT)) END"
)
"""SQL for the occasion of an action ``a`` with its enrolment ``n`` and its event ``e``."""


class MessageKeys:
    """Derives idempotency keys: 32 hexadecimal digits that tell nothing about the user."""

    def __init__(self, installation: InstallationSecret) -> None:
        self._installation = installation

    def prepare(self) -> None:
        """Read or create the installation's identity; not inside a transaction.

        Raises:
            StoreError: the database cannot be used.
        """
        self._installation.value()

    def key(self, playbook: str, user_key: str, occasion: str, step: str, attempt: int | str) -> str:
        """Return the idempotency key of one attempt at one step; ``attempt`` is its number, or ``to_device``."""
        return message_key(self._installation.value(), playbook, user_key, occasion, step, str(attempt))


def to_device(channel: str, token: str) -> str:
    """Return what takes the place of the attempt in the key of a message to one of several devices."""
    return f"{channel}:{token}"


def message_key(installation: str, *parts: str) -> str:
    """Return a keyed hash of ``parts``, each with its length, so that no two lists of parts run into each other."""
    digest = blake2b(key=installation.encode()[:64], digest_size=16, person=b"message-key")
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets) + octets)
    return digest.hexdigest()
