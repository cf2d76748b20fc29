"""``[playbook]``: a playbook's name, and what applies to all its enrolments."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from engine.content.document import Section
from engine.content.values import Duration, Name, parse_duration

MessageClass = Literal["marketing", "service", "transactional"]


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
    description: str = ""


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
    description: str
