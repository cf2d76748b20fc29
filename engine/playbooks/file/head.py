"""``[playbook]``: a playbook's name, and what applies to all its enrolments."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from engine.content.document import Section
from engine.content.values import Duration, Name, parse_duration
from engine.text_messages import MOST_SEGMENTS

MessageClass = Literal["marketing", "service", "transactional"]
PlaybookState = Literal["active", "paused", "retired"]
OnRetire = Literal["finish", "cancel"]


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
    """Counted from the trigger: after this time no messages are sent, and nobody is enrolled."""
    state: PlaybookState = "active"
    """``paused``: it takes no step and sends nothing; ``retired``: nobody enters."""
    on_retire: OnRetire | None = None
    max_segments: Annotated[int, Field(ge=1, le=MOST_SEGMENTS)] | None = None
    """How many segments its text messages may have; None: ``sms.max_segments``."""
    description: str = ""

    @property
    def at_retirement(self) -> OnRetire:
        """What becomes of who is enrolled when it is retired: they go on to the end, or what is unsent is cancelled."""
        return self.on_retire or ("cancel" if self.message_class == "marketing" else "finish")


@dataclass(frozen=True)
class PlaybookHead:
    """The settings of one version of a playbook, without its trigger, conditions and steps."""

    name: str
    version: str
    path: str
    message_class: MessageClass
    priority: int
    reentry: Reentry
    expires: int
    """Milliseconds."""
    state: PlaybookState
    on_retire: OnRetire
    description: str
    max_segments: int | None

    @property
    def retired(self) -> bool:
        """Whether nobody enters it any more."""
        return self.state == "retired"
