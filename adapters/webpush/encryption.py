"""Encryption for one browser: RFC 8291, which uses the content coding ``aes128gcm`` of RFC 8188 with a single record."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LARGEST = 3993
"""How many octets a message can have, so that push services have to take it (RFC 8291, section 4)."""
SALT = 16
"""How many octets a salt has."""
_RECORD = 4096
_LAST = b"\x02"
"""Ends the last record."""


def encrypt(
    message: bytes, key: ec.EllipticCurvePublicKey, auth: bytes, own: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    """Return the body of a request that carries ``message`` to the browser with this ``key`` and ``auth`` secret.

    ``own`` and ``salt`` are new for every message.
    """
    public = uncompressed(own.public_key())
    secret = own.exchange(ec.ECDH(), key)
    seed = _derived(secret, auth, b"WebPush: info\0" + uncompressed(key) + public, 32)
    content_key = _derived(seed, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(seed, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD.to_bytes(4, "big") + bytes([len(public)]) + public
    return header + AESGCM(content_key).encrypt(nonce, message + _LAST, None)


def uncompressed(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as 65 octets: the form that goes over the wire."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
