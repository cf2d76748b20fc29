"""What a process that composes is told to do, and what it may use for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.composing.draft import Draft


class Work(StrEnum):
    """What is to be done with drafts."""

    COMPOSE = "compose"
    PREVIEW = "preview"


class Job(NamedTuple):
    """Drafts of which the same is to be made. What becomes of them is answered in their order, in lists."""

    work: Work
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message may use: ``seconds`` of computing time, ``octets`` of memory for the whole process."""

    seconds: float
    octets: int
