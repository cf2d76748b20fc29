"""The form of a playbook's file, and of ``playbooks/coupons.toml``."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from engine.content.document import Section
from engine.content.values import DayOffset, Duration, Name, SendWindow, TimeOfDay, parse_duration

MessageClass = Literal["marketing", "service", "transactional"]
LeapDay = Literal["feb28", "mar1", "skip"]


def _reentry(value: object) -> object:
    if value in ("once", "always"):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f'{error}; or `"once"`, `"always"`') from error


Reentry = Annotated[Literal["once", "always"] | int, BeforeValidator(_reentry)]
"""``once``, ``always`` (also beside an active enrolment), or the milliseconds between one entry and the next."""


class PlaybookSection(Section):
    """``[playbook]``."""

    name: Name
    message_class: MessageClass = Field(alias="class")
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    reentry: Reentry = "once"
    expires: Duration
    """Counted from the trigger: a touch older than this is not worth sending, an occasion older than this not
    worth entering for."""
    description: str = ""


class DateTrigger(Section):
    """``date = { fact = "birthday", offset = "-3d", at = "09:00" }``: a calendar day in the user's own zone."""

    fact: Name
    offset: DayOffset = 0
    at: TimeOfDay = Field(default="09:00", validate_default=True)
    every: Literal["year", "once"] = "year"
    leap_day: LeapDay = "feb28"
    """When 29 February is observed in other years."""


class ScheduleTrigger(Section):
    """``schedule = { cron = "0 10 * * mon" }`` or ``{ holiday = "CN: Spring Festival", offset = "-1d", at = "10:00" }``.

    Both in the user's own zone.
    """

    cron: str | None = None
    """Five fields as in crontab; names or numbers for days (0 and 7 are Sunday)."""
    holiday: str | None = None
    """Country code, colon, a part of the holiday's English name as the ``holidays`` package has it."""
    offset: DayOffset = 0
    at: TimeOfDay = Field(default="10:00", validate_default=True)

    @model_validator(mode="after")
    def _one_of(self) -> "ScheduleTrigger":
        if (self.cron is None) == (self.holiday is None):
            raise ValueError("a schedule has either `cron` or `holiday`")
        return self


class TriggerSection(Section):
    """``[trigger]``: exactly one key."""

    enter: dict[Name, Name] | None = None
    """Dimension -> place that is entered."""
    leave: dict[Name, Name] | None = None
    event: Name | None = None
    where: str | None = None
    """With ``event``: a condition over the event's own properties."""
    date: DateTrigger | None = None
    schedule: ScheduleTrigger | None = None
    when: str | None = None
    """A condition over facts and placements: whoever fulfils it and may enter, enters."""

    @model_validator(mode="after")
    def _one_trigger(self) -> "TriggerSection":
        kinds = ("enter", "leave", "event", "date", "schedule", "when")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            found = "none" if not given else ", ".join(f"`{name}`" for name in given)
            raise ValueError(f"a trigger has exactly one of {', '.join(kinds)}; found {found}")
        for name in ("enter", "leave"):
            if (places := getattr(self, name)) is not None and len(places) != 1:
                raise ValueError(f"`{name}` names exactly one dimension and its place")
        if self.where is not None and self.event is None:
            raise ValueError("`where` narrows an `event` trigger; put other conditions into [audience]")
        return self


class AudienceSection(Section):
    """``[audience]``: who, of those triggered, is enrolled."""

    when: str


class ExitSection(Section):
    """``[exit]``: leaves at once, whatever step it is at."""

    event: Name | None = None
    when: str | None = None

    @model_validator(mode="after")
    def _something(self) -> "ExitSection":
        if self.event is None and self.when is None:
            raise ValueError("an [exit] has an `event`, a `when`, or both")
        return self


class BranchSection(Section):
    """One arm of a branch: goes to the step ``to`` when ``when`` holds."""

    when: str
    to: Name


class StepSection(Section):
    """``[[step]]``: exactly one of ``send``, ``wait``, ``wait_until``, ``wait_for``, ``branch``, ``coupon``, ``exit``.

    ``coupon`` beside ``send`` puts a code into that message. Jumps go forward only, so every enrolment ends.
    """

    id: Name | None = None
    when: str | None = None
    """The step is passed over where this does not hold."""
    send: list[str] | None = None
    template: str | None = None
    coupon: str | None = None
    between: SendWindow | None = None
    wait: Duration | None = None
    wait_until: TimeOfDay | None = None
    """The next time the user's own clock shows this."""
    wait_for: Name | None = None
    """An event; goes on at once when it comes."""
    timeout: Duration | None = None
    """With ``wait_for``: goes on after this long all the same."""
    otherwise: Name | None = None
    """With ``wait_for``: the step to go to after the time-out; the next one where absent.
    With ``branch``: the step for everyone else."""
    branch: list[BranchSection] | None = None
    exit: str | None = None
    """The reason, for the log."""

    @model_validator(mode="after")
    def _one_kind(self) -> "StepSection":
        kinds = [
            n for n in ("send", "wait", "wait_until", "wait_for", "branch", "exit") if getattr(self, n) is not None
        ]
        if not kinds and self.coupon is not None:
            kinds = ["coupon"]
        if len(kinds) != 1:
            found = "none" if not kinds else ", ".join(f"`{name}`" for name in kinds)
            raise ValueError(
                "a step is exactly one of send, wait, wait_until, wait_for, branch, coupon, exit; found " + found
            )
        self._check_companions(kinds[0])
        return self

    def _check_companions(self, kind: str) -> None:
        if kind == "send" and self.template is None:
            raise ValueError('a `send` step needs a `template`, such as `template = "winback/offer"`')
        if kind == "send" and not self.send:
            raise ValueError('`send` needs at least one channel, such as `send = ["email"]`')
        if kind == "wait_for" and self.timeout is None:
            raise ValueError('`wait_for` needs a `timeout`, such as `timeout = "7d"`')
        allowed = {
            "template": {"send"},
            "between": {"send"},
            "coupon": {"send", "coupon"},
            "timeout": {"wait_for"},
            "otherwise": {"wait_for", "branch"},
        }
        for key, fitting in allowed.items():
            if getattr(self, key) is not None and kind not in fitting:
                raise ValueError(f"`{key}` belongs to a step of kind {' or '.join(sorted(fitting))}, not `{kind}`")

    @property
    def kind(self) -> Literal["send", "wait", "wait_until", "wait_for", "branch", "coupon", "exit"]:
        """What the step does."""
        for name in ("send", "wait", "wait_until", "wait_for", "branch", "exit"):
            if getattr(self, name) is not None:
                return name
        return "coupon"


class PlaybookFile(Section):
    """One playbook."""

    playbook: PlaybookSection
    trigger: TriggerSection
    audience: AudienceSection | None = None
    exit: ExitSection | None = None
    step: Annotated[list[StepSection], Field(min_length=1)]
