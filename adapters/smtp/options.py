"""Settings of the SMTP adapter."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class SmtpOptions(BaseModel):
    """Which server mail is sent through, and how. Times are in seconds.

    ``security``: ``none``, ``starttls`` (required, not opportunistic) or ``tls`` from the first octet. ``timeout``
    limits connecting, and each transaction up to the end of the message. ``answer_timeout`` limits the wait for the
    server's answer after that; RFC 5321 (4.5.3.2.6) wants it long, because a message abandoned there may be sent twice.
    ``ca_file``: certificates to trust instead of the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="localhost", min_length=1)
    port: int = Field(default=25, ge=1, le=65_535)
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    connections: int = Field(default=10, ge=1, le=200)
    messages_per_connection: int = Field(default=500, ge=1)
    timeout: float = Field(default=30.0, gt=0)
    answer_timeout: float = Field(default=300.0, gt=0)
    hello_name: str = ""
    verify_certificate: bool = True
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _keep_password_secret(self) -> Self:
        if self.username and not self.password.get_secret_value():
            raise ValueError("a username needs a password")
        if self.username and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError('a password must not be sent unencrypted: set security = "starttls" or "tls"')
        return self
