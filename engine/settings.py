"""``config.toml`` and ``HABITUE_*`` environment variables, as one frozen model.

Environment variables override the file: ``HABITUE_STORE__URL`` is ``store.url``. Secrets belong in the environment.
"""

import re
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from engine.brand_values import own_address, own_lines, own_name, own_site, own_unsubscribe_url
from engine.content.findings import did_you_mean
from engine.content.values import Duration, SendWindow, zone_names
from engine.errors import HabitueError
from engine.money import currencies, minor_digits
from engine.service_settings import AlertSettings, SettingsPart, WebSettings
from engine.task_settings import TaskSettings
from engine.text_file import parse_toml, read_text
from engine.text_messages import SmsSettings

SHORTEST_SECRET = 16
"""Minimum number of characters of a signing secret."""


class Brand(SettingsPart):
    """The brand: the sender of all messages. Addresses and links are as ``engine.brand_values`` returns them."""

    name: str = "Habitué"
    currency: str = "USD"
    """ISO 4217."""
    timezone: str = "UTC"
    """For users whose zone is unknown."""
    locale: str = "en"
    """For users whose language is unknown."""
    country: str = ""
    """ISO 3166-1: where phone numbers without a country code are at home, of users whose country is unknown."""
    sender: str = "hello@example.com"
    """An address, or a name and an address: ``Hello <hello@example.com>``."""
    reply_to: str | None = None
    website: str = "https://example.com"
    postal_address: str = ""
    """Shown at the foot of marketing email, as the law of many countries requires."""
    unsubscribe_url: str = "https://example.com/unsubscribe"
    """Base of the one-click URL in ``List-Unsubscribe``; the token is added to it."""

    @field_validator("sender", "reply_to")
    @classmethod
    def _address(cls, text: str | None) -> str | None:
        return str(own_address(text)) if text is not None else None

    @field_validator("reply_to", mode="before")
    @classmethod
    def _blank_is_none(cls, text: object) -> object:
        return None if isinstance(text, str) and not text.strip() else text

    _name = field_validator("name")(own_name)
    _postal_address = field_validator("postal_address")(own_lines)
    _website = field_validator("website")(own_site)
    _unsubscribe_url = field_validator("unsubscribe_url")(own_unsubscribe_url)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        known = currencies()
        if code not in known:
            raise ValueError(f"`{code}` is not an ISO 4217 currency{did_you_mean(code, known)}")
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

    @field_validator("country")
    @classmethod
    def _known_country(cls, code: str) -> str:
        if code and (not re.fullmatch("[A-Z]{2}", code) or code not in Locale("en").territories):
            raise ValueError(f"`{code}` is not a country: write its two-letter code, such as DE (ISO 3166)")
        return code

    @property
    def currency_scale(self) -> int:
        """Minor units in one unit of the currency (ISO 4217)."""
        scale: int = 10 ** minor_digits(self.currency)
        return scale


class StoreSettings(SettingsPart):
    """Where the database is."""

    url: str = Field(default="sqlite:///var/habitue.db", repr=False)


class ContentSettings(SettingsPart):
    """Where the brand's files are, and when they are applied."""

    rules: Path = Path("rules")
    playbooks: Path = Path("playbooks")
    templates: Path = Path("templates")
    apply: Literal["auto", "manual"] = "auto"
    """``auto``: each tick applies the files as they are then; ``manual``: only ``habitue apply`` does."""
    hold_vanished: Duration = 86_400_000
    """How long what a playbook had planned is held after its file has vanished, before it is cancelled."""


DEFAULT_ADAPTERS: Mapping[str, tuple[str, ...]] = {"email": ("capture",), "inbox": ("inbox",), "task": ("task",)}
"""Channel -> its adapters if the settings name none; other channels then have none."""


class ChannelSettings(SettingsPart):
    """The adapters of one channel, and how much each sends at once. ``Settings.channel`` fills in defaults."""

    adapters: tuple[str, ...] = ()
    """Names of entries in ``[adapters]``; several where each serves devices of certain platforms."""
    in_flight: int = Field(default=100, ge=1, le=1_000)
    """How many actions may be handed to each adapter without a recorded answer: the most that a crash can leave unknown, per
    worker."""

    @field_validator("adapters")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("an adapter is named twice: name each once")
        return names


class EmailSettings(SettingsPart):
    """The old form of ``[channels.email]``, read for one more version."""

    adapter: str | None = None


class ConsentSettings(SettingsPart):
    """The default for users who have made no choice, by message class; ``transactional`` needs no consent."""

    marketing: Literal["opt-in", "opt-out"] = "opt-out"
    service: Literal["opt-in", "opt-out"] = "opt-out"


class DeliverySettings(SettingsPart):
    """How actions are delivered."""

    batch: int = Field(default=200, ge=1, le=5_000)
    """Actions claimed at once."""
    poll: Duration = 1_000
    """How long a worker waits before it looks again at an empty queue."""
    in_flight: int | None = Field(default=None, ge=1, le=1_000)
    """The old form of each channel's ``in_flight``, read for one more version."""
    lease: Duration = 300_000
    unknown: Literal["hold", "resend"] = "hold"
    """After a crash between hand-off and answer: an admin decides, or the message is sent again with its Message-ID."""
    tries: int = Field(default=8, ge=1, le=50)
    """Hand-offs before an action fails for good."""
    retry_after: Duration = 60_000
    """Wait after the first refusal; doubles with each, with jitter, up to six hours."""
    in_flight_folder: Path | None = None
    """Where each worker notes the messages that it hands over; None: beside a SQLite file, else ``var/in-flight``."""
    quiet_hours: SendWindow | None = None
    """When no marketing message is sent, in the user's own zone: ``21:00-08:00``."""
    unsubscribe_secret: str = Field(default="", repr=False)
    """Signs unsubscribe links; if empty, a random secret is kept in the store."""

    @field_validator("poll")
    @classmethod
    def _not_at_once(cls, poll: int) -> int:
        if not poll:
            raise ValueError("the worker would never rest: write at least `1s`")
        return poll

    @field_validator("unsubscribe_secret")
    @classmethod
    def _long_enough(cls, secrets: str) -> str:
        if secrets and not secrets.strip():
            raise ValueError(f"it is blank: remove it, or write a secret of at least {SHORTEST_SECRET} characters")
        if any(len(secret) < SHORTEST_SECRET for secret in secrets.split()):
            raise ValueError(
                f"a secret is too short: write at least {SHORTEST_SECRET} characters for each, for example with"
                " `python -c 'import secrets; print(secrets.token_urlsafe())'`"
            )
        return secrets


class DeviceSettings(SettingsPart):
    """Which of a user's devices get messages, on channels that go to devices."""

    at_most: int = Field(default=5, ge=1, le=100)
    """How many devices of one user get the same message: those that were seen last."""
    silent_after: Duration = 23_328_000_000
    """For how long a device that is not seen gets messages."""

    @field_validator("silent_after")
    @classmethod
    def _some(cls, silent_after: int) -> int:
        if not silent_after:
            raise ValueError("no device would get anything: write at least `1d`, such as `270d`")
        return silent_after


class ComposingSettings(SettingsPart):
    """The processes that render templates and build messages, and what one message may use there."""

    processes: int = Field(default=2, ge=1, le=64)
    """How many at most; each starts when it is needed."""
    time: Duration = 2_000
    """Computing time of one message."""
    memory: int = Field(default=512, ge=256, le=65_536)
    """Memory of one process, in MB."""

    @field_validator("time")
    @classmethod
    def _some(cls, time: int) -> int:
        if not time:
            raise ValueError("nothing can be composed in no time: write at least `1s`")
        return time


class ScheduleSettings(SettingsPart):
    """The worker's schedule (UTC)."""

    tick: Duration = 60_000
    calibrate: str = "0 3 * * *"
    """When the cut points of quantile facts are computed, as a crontab."""
    retention: str = "30 3 * * *"
    """When expired data is deleted, as a crontab."""
    keep_ticks: Duration = 7_776_000_000
    keep_content: Duration = 34_560_000_000
    """How long the content of messages is kept; the log itself is kept forever."""
    chunk: int = Field(default=50_000, ge=100, le=1_000_000)
    """Users per transaction of a tick."""
    enrolment_chunk: int = Field(default=2_000, ge=1, le=1_000_000)
    """Enrolments per transaction of a tick."""
    sweep_threads: int = Field(default=2, ge=1, le=16)
    """Threads that work on a sweep after an edit of rules; each uses a core."""


class StatusSettings(SettingsPart):
    """When ``habitue status`` asks for a person."""

    refused: float = Field(default=0.05, ge=0, le=1)
    """The share of a channel's messages of the last 24 hours that providers may refuse, from 20 messages on."""
    pool: Duration = 604_800_000
    """How long the codes of a pool have to last at the rate of the last week."""
    free_disk_mb: int = Field(default=1_000, ge=0)
    """Megabytes that have to be free on the volume of a SQLite store."""


class LogSettings(SettingsPart):
    """The worker's own log; it contains no personal data."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class _File(TomlConfigSettingsSource):
    """The TOML file, read like the brand's other files."""

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        return parse_toml(read_text(Path(str(file_path))).text or "")


class Settings(BaseSettings):
    """All settings, by section. Use ``load_settings`` to read a file; creating this class directly reads none."""

    model_config = SettingsConfigDict(
        env_prefix="HABITUE_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    brand: Brand = Brand()
    store: StoreSettings = StoreSettings()
    content: ContentSettings = ContentSettings()
    channels: dict[str, ChannelSettings] = {}
    """Channel -> its settings; ``channel`` and ``served_channels`` fill in defaults."""
    email: EmailSettings = EmailSettings()
    adapters: dict[str, dict[str, Any]] = {"capture": {"folder": "var/mail"}}
    """Adapter -> its options; the adapter's page describes them."""
    consent: ConsentSettings = ConsentSettings()
    delivery: DeliverySettings = DeliverySettings()
    sms: SmsSettings = SmsSettings()
    devices: DeviceSettings = DeviceSettings()
    composing: ComposingSettings = ComposingSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    tasks: TaskSettings = TaskSettings()
    status: StatusSettings = StatusSettings()
    web: WebSettings = WebSettings()
    alerts: AlertSettings = AlertSettings()
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
        """Return the sources in order of precedence: arguments, environment, the TOML file."""
        return init_settings, env_settings, _File(settings_cls)

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        """Refuse an old key together with the new one, because one of them would be ignored silently."""
        given = self.channels.values()
        if self.email.adapter is not None and "adapters" in self._stated("email"):
            raise ValueError("`email.adapter` is the old name of `channels.email.adapters`: remove it")
        if self.delivery.in_flight is not None and any("in_flight" in one.model_fields_set for one in given):
            raise ValueError("`delivery.in_flight` is the old name of `channels.NAME.in_flight`: remove it")
        return self

    def channel(self, name: str) -> ChannelSettings:
        """Return the settings of the channel ``name``: as set, from an old key, or by default."""
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

    def adapters_of_channels(self) -> dict[str, tuple[str, ...]]:
        """Return the adapters of each channel that has any."""
        return {channel: one.adapters for channel, one in self.served_channels().items()}

    def outdated(self) -> tuple[str, ...]:
        """Return a sentence for each old key that is still in use."""
        found = []
        if self.email.adapter is not None:
            found.append(f'`email.adapter` is now `[channels.email] adapters = ["{self.email.adapter}"]`')
        if self.delivery.in_flight is not None:
            found.append(
                f"`delivery.in_flight` is now set per channel: `[channels.email] in_flight = {self.delivery.in_flight}`"
            )
        return tuple(f"{one}; this is the last version that reads the old key" for one in found)

    def _stated(self, name: str) -> set[str]:
        return self.channels[name].model_fields_set if name in self.channels else set()


def load_settings(path: Path) -> Settings:
    """Read ``path`` and the environment. Relative paths in the file are relative to the working directory.

    Raises:
        HabitueError: the file is missing or not TOML, or a key or value is invalid; the error says which.
    """
    try:
        read = read_text(path)
    except FileNotFoundError as error:
        raise HabitueError(f"{path} is missing: run from the brand's folder, or name the file with --config") from error
    if read.problem:
        raise HabitueError(f"{path}:{read.line}: {read.problem}" if read.line else f"{path}: {read.problem}")
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
