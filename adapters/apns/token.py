"""The provider token: who we are, signed by the key of the Apple developer account (ES256).

Apple takes a token for an hour after the time that it states, and refuses those who change theirs more often than every
20 minutes. So the stated time is the last full half hour, and the same for all workers, also after a restart.
"""

from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from adapters.apns.options import ApnsOptions
from adapters.clock import Now

PERIOD = 1_800
"""How many seconds a token is used."""
SETTLED = 300
"""How many seconds after the time that it states a token is used first: Apple's clock may be behind ours."""


@dataclass
class ProviderToken:
    """Gives the token of the present half hour."""

    key: ECKey = field(repr=False)
    key_id: str
    team_id: str
    now: Now = field(repr=False)
    _made: tuple[int, str] = field(default=(0, ""), repr=False)

    def value(self) -> str:
        """Return the token to use now."""
        at = (self.now() // 1_000 - SETTLED) // PERIOD * PERIOD
        if self._made[0] != at:
            header = {"alg": "ES256", "kid": self.key_id}
            claims = {"iss": self.team_id, "iat": at}
            self._made = at, jwt.encode(header, claims, self.key, default_type=None)
        return self._made[1]


def provider_token(options: ApnsOptions, now: Now) -> ProviderToken:
    """Return the token's maker, with the configured key.

    Raises:
        ValueError: the key cannot be read, or is none; the error repeats no secret.
    """
    where, text = "key", options.key.get_secret_value().replace("\\n", "\n").encode()
    if options.key_file:
        where = f"key_file: {options.key_file}"
        try:
            text = options.key_file.read_bytes()
        except OSError as error:
            raise ValueError(f"{where}: {error.strerror}") from None
    key = _key(text)
    if key is None:
        raise ValueError(f"{where}: it is not the .p8 file of an APNs key: make one in the Apple developer account")
    return ProviderToken(key, options.key_id, options.team_id, now)


def _key(text: bytes) -> ECKey | None:
    try:
        key = ECKey.import_key(text)
    except (JoseError, ValueError):
        return None
    return key if key.is_private and key.curve_name == "P-256" else None
