"""``config.toml`` and ``HABITUE_*`` environment variables, as one frozen model.

An environment variable wins over the file: ``HABITUE_STORE__URL`` is ``store.url``. Secrets belong there.
"""

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from engine.content.values import Duration, SendWindow
from engine.errors import HabitueError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Brand(_Part):
    """Who sends."""

    name: str = "Habitué"
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
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

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"`{name}` is not a time zone; write one such as `Europe/Berlin`") from error
        return name

    @property
    def currency_scale(self) -> int:
        """Minor units in one unit of the currency (ISO 4217)."""
        if self.currency in {"JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX", "XAF", "XOF", "XPF"}:
            return 1
        return 1_000 if self.currency in {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"} else 100


class StoreSettings(_Part):
    """Where the database is."""

    url: str = "sqlite:///var/habitue.db"


class ContentSettings(_Part):
    """Where the files are that ops write."""

    rules: Path = Path("rules")
    playbooks: Path = Path("playbooks")
    templates: Path = Path("templates")


class EmailSettings(_Part):
    """The channel ``email``."""

    adapter: str = "capture"
    """Name of an entry of ``[adapters]``."""


class ConsentSettings(_Part):
    """What silence means, by class of message; ``transactional`` never asks."""

    marketing: Literal["opt-in", "opt-out"] = "opt-out"
    service: Literal["opt-in", "opt-out"] = "opt-out"


class DeliverySettings(_Part):
    """How actions reach the wire."""

    batch: int = Field(default=200, ge=1, le=5_000)
    """Actions claimed at once."""
    in_flight: int = Field(default=100, ge=1, le=1_000)
    """Actions whose hand-off is committed at once: the most that a crash can leave unknown, per worker."""
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


class ScheduleSettings(_Part):
    """What the worker does, and when (UTC)."""

    tick: Duration = 60_000
    calibrate: str = "0 3 * * *"
    """Cut points of quantile facts, as crontab."""
    retention: str = "30 3 * * *"
    """Clean-up, as crontab."""
    keep_ticks: Duration = 7_776_000_000
    chunk: int = Field(default=50_000, ge=100, le=1_000_000)
    """Users per transaction of a tick."""


class LogSettings(_Part):
    """The worker's own log; it holds no personal data."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(BaseSettings):
    """Everything that can be set. Made directly it knows no file: ``load_settings`` names one."""

    model_config = SettingsConfigDict(env_prefix="HABITUE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    brand: Brand = Brand()
    store: StoreSettings = StoreSettings()
    content: ContentSettings = ContentSettings()
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
