"""The sections of ``config.toml`` for what a worker does besides: the web door, and alerts to staff."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from engine.brand_values import own_site
from engine.content.values import Duration

LISTEN_EXAMPLE = "127.0.0.1:8080"


class SettingsPart(BaseModel):
    """One section of the settings."""

    # An invalid value may be a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WebSettings(SettingsPart):
    """Where ``habitue run`` answers HTTP requests."""

    listen: str = ""
    """An address and a port, ``127.0.0.1:8080`` or ``[::1]:8080``; empty: there is no web door."""
    public_url: str = ""
    """The address by which others reach it, through a proxy that speaks TLS; without a slash at the end."""

    @field_validator("listen")
    @classmethod
    def _address_and_port(cls, listen: str) -> str:
        listen = listen.strip()
        if listen:
            _host_and_port(listen)
        return listen

    @field_validator("public_url")
    @classmethod
    def _no_more_than_a_path(cls, url: str) -> str:
        url = own_site(url) if url.strip() else ""
        if "?" in url or "#" in url:
            raise ValueError("paths are added to it, so it has no ? or #: write one such as https://hooks.example.com")
        return url

    @model_validator(mode="after")
    def _listening(self) -> Self:
        if self.public_url and not self.listen:
            raise ValueError(f"`public_url` is of no use without `listen`: write one such as {LISTEN_EXAMPLE}")
        return self

    @property
    def host(self) -> str:
        """The address to listen at; only if ``listen`` is given."""
        return _host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port to listen at; only if ``listen`` is given."""
        return _host_and_port(self.listen)[1]


class AlertSettings(SettingsPart):
    """Which services tell staff what needs a person, and when."""

    urls: tuple[SecretStr, ...] = ()
    """Apprise URLs, which are secrets; none: nobody is told."""
    when: tuple[str, ...] = ()
    """The checks of ``habitue status`` that are told of; none: all."""
    after: Duration = 120_000
    """How long a problem has to last, or to be gone, before it is told of."""
    again: Duration = 86_400_000
    """How long after that it is told of again while it lasts."""

    @field_validator("again")
    @classmethod
    def _not_all_the_time(cls, again: int) -> int:
        if again < 600_000:
            raise ValueError("nobody reads what comes all the time: write at least `10m`")
        return again


def _host_and_port(listen: str) -> tuple[str, int]:
    right = f"write an address and a port, such as {LISTEN_EXAMPLE}"
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"`{listen}` is not an address and a port: {right}") from error
    if not host or not port or parts.path or parts.query or parts.fragment or "@" in listen:
        raise ValueError(f"`{listen}` is not an address and a port: {right}")
    return host, port
