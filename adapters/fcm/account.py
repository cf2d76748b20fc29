"""A Google service account, and the assertion by which it asks for an access token (RFC 7523)."""

from dataclasses import dataclass, field

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.fcm.options import FcmOptions
from adapters.http.options import secure_url

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
LIFETIME = 3_600
"""How long an assertion is good for, in seconds; Google takes no more."""
_GOOGLE = "https://oauth2.googleapis.com/token"
_WHERE = "in the Google Cloud console, under IAM, Service accounts, Keys, make a key of type JSON"


class _Form(BaseModel):
    """The keys of the file that matter here."""

    model_config = ConfigDict(hide_input_in_errors=True)

    client_email: str
    private_key: str
    private_key_id: str = ""
    project_id: str = ""
    token_uri: str = _GOOGLE


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account. ``token_url`` is where it gets access tokens."""

    email: str
    project: str
    token_url: str
    key_id: str
    key: RSAKey = field(repr=False)

    def assertion(self, now: int) -> str:
        """Return a signed statement of who we are, for the token endpoint, made at ``now`` (UTC milliseconds)."""
        at = now // 1_000
        claims = {"iss": self.email, "scope": SCOPE, "aud": self.token_url, "iat": at, "exp": at + LIFETIME}
        return jwt.encode({"alg": "RS256", **({"kid": self.key_id} if self.key_id else {})}, claims, self.key)


def read_account(options: FcmOptions) -> ServiceAccount:
    """Read the configured service account.

    Raises:
        ValueError: it cannot be read, or is none; the error says which key is wrong and repeats no secret.
    """
    where, text = "service_account", options.service_account.get_secret_value().encode()
    if options.service_account_file:
        where = f"service_account_file: {options.service_account_file}"
        try:
            text = options.service_account_file.read_bytes()
        except OSError as error:
            raise ValueError(f"{where}: {error.strerror}") from None
    return _account(_form(text, where), options.project, where)


def _form(text: bytes, where: str) -> _Form:
    try:
        return _Form.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError:
        raise ValueError(f"{where}: it is not JSON; {_WHERE}") from None
    except ValidationError as error:
        keys = ", ".join(sorted({f"`{'.'.join(map(str, one['loc']))}`" for one in error.errors()} - {"``"}))
        missing = f"`client_email` and `private_key` are needed; wrong: {keys}" if keys else "it is not a JSON object"
        raise ValueError(f"{where}: it is not a service account: {missing}; {_WHERE}") from None


def _account(form: _Form, project: str, where: str) -> ServiceAccount:
    try:
        key = RSAKey.import_key(form.private_key)
    except (JoseError, ValueError):
        raise ValueError(f"{where}: `private_key` is not an RSA key in PEM; {_WHERE}") from None
    try:
        token_url = secure_url(form.token_uri)
    except ValueError as error:
        raise ValueError(f"{where}: `token_uri`: {error}") from None
    if not (project or form.project_id):
        raise ValueError(f"{where}: it has no `project_id`: set `project`")
    return ServiceAccount(form.client_email, project or form.project_id, token_url, form.private_key_id, key)
