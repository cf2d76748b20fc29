"""Who we are, for push services: a token that our VAPID key signs for each of them (RFC 8292)."""

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from adapters.clock import Now
from adapters.webpush.base64url import decoded, encoded
from adapters.webpush.encryption import uncompressed

_VALID, _FRESH = 12 * 3600, 3600
"""Seconds for which a token is valid, of at most 24 hours, and that it must have left."""
_TOKENS = 100
"""How many tokens are kept."""
_OCTETS = 32


def new_key() -> str:
    """Return a new private key for the option ``private_key``."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encoded(number.to_bytes(_OCTETS, "big"))


def public_key(private_key: str) -> str:
    """Return the public key that web pages give to browsers when users subscribe, as ``applicationServerKey``.

    Raises:
        ValueError: this is not a private key.
    """
    return encoded(uncompressed(_read(private_key).public_key()))


class Vapid:
    """Signs tokens, and keeps them as long as they are valid: one for each push service."""

    def __init__(self, private_key: str, contact: str, now: Now) -> None:
        """``contact`` is whom push services may write to.

        Raises:
            ValueError: ``private_key`` is not a VAPID key.
        """
        key = _read(private_key)
        point = uncompressed(key.public_key())
        self._public = encoded(point)
        self._key = ECKey.import_key(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": encoded(point[1:33]),
                "y": encoded(point[33:]),
                "d": encoded(key.private_numbers().private_value.to_bytes(_OCTETS, "big")),
            }
        )
        self._contact = contact
        self._now = now
        self._tokens: dict[str, tuple[int, str]] = {}

    def authorization(self, origin: str) -> str:
        """Return the header ``Authorization`` for the push service with this ``origin``, such as https://example.com."""
        now = self._now() // 1000
        until, token = self._tokens.get(origin, (0, ""))
        if not now + _FRESH < until <= now + _VALID:
            until = now + _VALID
            claims = {"aud": origin, "exp": until, "sub": self._contact}
            token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self._key)
            if len(self._tokens) >= _TOKENS:
                self._tokens.clear()
            self._tokens[origin] = until, token
        return f"vapid t={token}, k={self._public}"


def _read(private_key: str) -> ec.EllipticCurvePrivateKey:
    try:
        octets = decoded(private_key)
        if len(octets) != _OCTETS:
            raise ValueError
        return ec.derive_private_key(int.from_bytes(octets, "big"), ec.SECP256R1())
    except ValueError:
        raise ValueError(
            "`private_key`: this is not a VAPID key: it has 32 octets in Base64url, as `new_key` in"
            " adapters/webpush/vapid.py makes them"
        ) from None
