"""Tokens in links: what they say is readable, and signed, so that nobody else can make one."""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode


class SignedTokens:
    """Makes and reads tokens of one kind."""

    def __init__(self, secrets: Sequence[str], salt: bytes, longest: int) -> None:
        """Sign with the first of ``secrets``; all of them verify. ``salt`` keeps kinds apart.

        Tokens of more than ``longest`` characters are not looked at.
        """
        # The library signs with the last key. It would derive a key for each token again, so that is done here once.
        keys = [hmac.digest(one.encode(), salt, sha256) for one in reversed(secrets)]
        self._signer = Signer(keys, key_derivation="none", digest_method=sha256)
        self._longest = longest

    def make(self, *fields: object) -> str:
        """Return the token, of letters, digits, ``-``, ``_`` and one ``.``."""
        return self._signer.sign(base64_encode("|".join(map(str, fields)))).decode("ascii")

    def plausible(self, token: str) -> bool:
        """Tell whether it is worth while to verify ``token``."""
        return len(token) <= self._longest and token.isascii()

    def read(self, token: str) -> bytes | None:
        """Return what ``token`` says, its fields with ``|`` between them; None if it was not signed with a secret."""
        if not self.plausible(token):
            return None
        try:
            return base64_decode(self._signer.unsign(token))
        except BadData:
            return None
