"""``config.toml`` and ``HABITUE_*`` environment variables, as one frozen model.

An environment variable wins over the file: ``HABITUE_STORE__URL`` is ``store.url``. Secrets belong there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from engine.content.findings import did_you_mean
from engine.content.values import Duration, SendWindow, zone_names
from engine.errors import HabitueError
from engine.money import currencies, minor_digits

SHORTEST_SECRET = 16
"""Characters of a secret that signs."""


class _Part(BaseModel):
    # What is refused may be a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Brand(_Part):
    """The brand that sends."""

    name: str = "Habitué"
    currency: str = "USD"
    """ISO 4217."""
    timezone: str = "UTC"
    """For users whose own zone is not known."""
    locale: str = "en"
    """For users whose own language is not known."""
    sender: str = "hello@example.com"
    reply_to: str | None = None
    website: str = "https://example.com"
    postal_address: str = ""
    """Shown at the foot of marketing mail, as the law of many countries asks."""
    unsubscribe_url: str = "https://example.com/unsubscribe"
    """Start of the one-click address in ``List-Unsubscribe``; a token follows it."""

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        known = currencies()
        if code not in known:
            raise ValueError(f"`{code}` is not a currency of ISO 4217{did_you_mean(code, known)}")
        return code

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        known = zone_names()
        if name not in known:
            raise ValueError(f"`{name}` is not a time zone{did_you_mean(name, known)}")
        return name

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, tag: str) -> str:
        try:
            Locale.parse(tag, sep="-")
        except (ValueError, TypeError, UnknownLocaleError) as error:
            known = [name.replace("_", "-") for name in locale_identifiers()]
            raise ValueError(f"`{tag}` is not a language{did_you_mean(tag, known)}") from error
        return tag

    @property
    def currency_scale(self) -> int:
        """Minor units in one unit of the currency (ISO 4217)."""
        scale: int = 10 ** minor_digits(self.currency)
        return scale


class StoreSettings(_Part):
    """Where the database is."""

    url: str = Field(default="sqlite:///var/habitue.db", repr=False)


class ContentSettings(_Part):
    """Where the files are that ops write."""

    rules: Path = Path("rules")
    playbooks: Path = Path("playbooks")
    templates: Path = Path("templates")


DEFAULT_ADAPTERS: Mapping[str, tuple[str, ...]] = {"email": ("capture",)}
"""Channel -> its adapters where the settings name none; other channels have none then."""


class ChannelSettings(_Part):
    """The adapter of one channel, and how much it sends at once. ``Settings.channel`` fills in what is not set."""

    adapters: tuple[str, ...] = ()
    """Names of entries of ``[adapters]``."""
    in_flight: int = Field(default=100, ge=1, le=1_000)
    """Actions whose hand-off is committed at once: the most that a crash can leave unknown, per worker."""

    @field_validator("adapters")
    @classmethod
    def _one(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(names) > 1:
            raise ValueError("this version sends through one adapter per channel: name one")
        return names


class EmailSettings(_Part):
    """The old place of ``[channels.email]``, read for one more version."""

    adapter: str | None = None


class ConsentSettings(_Part):
    """The default without a user's choice, by class of message; ``transactional`` needs no consent."""

    marketing: Literal["opt-in", "opt-out"] = "opt-out"
    service: Literal["opt-in", "opt-out"] = "opt-out"


class DeliverySettings(_Part):
    """How actions are delivered."""

    batch: int = Field(default=200, ge=1, le=5_000)
    """Actions claimed at once."""
    in_flight: int | None = Field(default=None, ge=1, le=1_000)
    """The old place of each channel's ``in_flight``, read for one more version."""
    lease: Duration = 300_000
    unknown: Literal["hold", "resend"] = "hold"
    """What follows a crash between hand-off and answer: an admin decides, or the same Message-ID goes out again."""
    tries: int = Field(default=8, ge=1, le=50)
    """Hand-offs before an action fails for good."""
    retry_after: Duration = 60_000
    """Wait after the first refusal; doubles with each, with jitter, up to six hours."""
    quiet_hours: SendWindow | None = None
    """When no marketing message leaves, in the user's own zone: ``21:00-08:00``."""
    unsubscribe_secret: str = Field(default="", repr=False)
    """Signs unsubscribe links; a random one is kept in the store where this is empty."""

    @field_validator("unsubscribe_secret")
    @classmethod
    def _long_enough(cls, secrets: str) -> str:
        if secrets and not secrets.strip():
            raise ValueError(f"it is blank: leave it out, or write a secret of at least {SHORTEST_SECRET} characters")
        if any(len(secret) < SHORTEST_SECRET for secret in secrets.split()):
            raise ValueError(
                f"a secret is too short: write at least {SHORTEST_SECRET} characters for each, such as those of"
                " `python -c 'import secrets; print(secrets.token_urlsafe())'`"
            )
        return secrets


class ScheduleSettings(_Part):
    """What the worker does, and when (UTC)."""

    tick: Duration = 60_000
    calibrate: str = "0 3 * * *"
    """Cut points of quantile facts, as crontab."""
    retention: str = "30 3 * * *"
    """Clean-up, as crontab."""
    keep_ticks: Duration = 7_776_000_000
    keep_content: Duration = 34_560_000_000
    """How long the content of messages is kept; the log itself is kept forever."""
    chunk: int = Field(default=50_000, ge=100, le=1_000_000)
    """Users per transaction of a tick."""


class LogSettings(_Part):
    """The worker's own log; it holds no personal data."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(BaseSettings):
    """All settings, section by section. Created directly it reads no file; ``load_settings`` does."""

    model_config = SettingsConfigDict(
        env_prefix="HABITUE_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    brand: Brand = Brand()
    store: StoreSettings = StoreSettings()
    content: ContentSettings = ContentSettings()
    channels: dict[str, ChannelSettings] = {}
    """By name; ``channel`` and ``served_channels`` fill in defaults."""
    email: EmailSettings = EmailSettings()
    adapters: dict[str, dict[str, Any]] = {"capture": {"folder": "var/mail"}}
    """Options of each adapter, as its own page describes them."""
    consent: ConsentSettings = ConsentSettings()
    delivery: DeliverySettings = DeliverySettings()
    schedule: ScheduleSettings = ScheduleSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take, in this order: arguments, environment, the TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        """Refuse an old key together with the new one, because one of them would be ignored silently."""
        given = self.channels.values()
        if self.email.adapter is not None and "adapters" in self._stated("email"):
            raise ValueError("`email.adapter` is the old name of `channels.email.adapters`: take it out")
        if self.delivery.in_flight is not None and any("in_flight" in one.model_fields_set for one in given):
            raise ValueError("`delivery.in_flight` is the old place of `channels.NAME.in_flight`: take it out")
        return self

    def channel(self, name: str) -> ChannelSettings:
        """Return what holds for the channel ``name``: as stated, under an old key, or by default."""
        stated = self._stated(name)
        filled: dict[str, object] = {}
        if "adapters" not in stated:
            old = self.email.adapter if name == "email" else None
            filled["adapters"] = DEFAULT_ADAPTERS.get(name, ()) if old is None else (old,)
        if "in_flight" not in stated and self.delivery.in_flight is not None:
            filled["in_flight"] = self.delivery.in_flight
        return self.channels.get(name, ChannelSettings()).model_copy(update=filled)

    def served_channels(self) -> dict[str, ChannelSettings]:
        """Return the channels that have an adapter."""
        channels = {name: self.channel(name) for name in {**DEFAULT_ADAPTERS, **self.channels}}
        return {name: channel for name, channel in channels.items() if channel.adapters}

    def outdated(self) -> tuple[str, ...]:
        """Return a sentence for each old key that is still in use."""
        found = []
        if self.email.adapter is not None:
            found.append(f'`email.adapter` is now `[channels.email] adapters = ["{self.email.adapter}"]`')
        if self.delivery.in_flight is not None:
            found.append(
                f"`delivery.in_flight` is now each channel's: `[channels.email] in_flight = {self.delivery.in_flight}`"
            )
        return tuple(f"{one}; the old key is read for the last time in this version" for one in found)

    def _stated(self, name: str) -> set[str]:
        return self.channels[name].model_fields_set if name in self.channels else set()


def load_settings(path: Path) -> Settings:
    """Read ``path`` and the environment; relative paths in the file stay relative to the working directory.

    Raises:
        HabitueError: the file is not there, is not TOML, or holds a key or value that makes no sense; says which.
    """
    if not path.is_file():
        raise HabitueError(f"{path} is missing: run from the brand's folder, or name the file with --config")
    bound = type("FileSettings", (Settings,), {"model_config": SettingsConfigDict(toml_file=path)})
    try:
        settings: Settings = bound()
    except ValidationError as error:
        raise HabitueError("\n".join(_explain(path, mistake) for mistake in error.errors())) from error
    except ValueError as error:
        raise HabitueError(f"{path}: {error}") from error
    return settings


def _explain(path: Path, mistake: Any) -> str:  # noqa: ANN401 - pydantic's TypedDict
    key = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{path}: unknown key `{key}`; docs/settings.md lists all keys"
    return f"{path}: `{key}`: {mistake['msg'].removeprefix('Value error, ')}"
