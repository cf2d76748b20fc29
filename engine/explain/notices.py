"""Notices: what only a worker's memory knows and an admin must; each worker keeps its own in its row of ``worker``."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import orjson

from engine.breaker import CODE_AT_FAULT, Alarm


class NoticeKind(StrEnum):
    """What a notice is about, so what to do about it."""

    FILES = "files"
    """The files cannot run, so another version does."""
    CLOCK = "clock"
    """The store is ahead of the worker's clock."""
    TICK = "tick"
    """The last tick failed or could not begin, or, in a worker that only delivers, the last look at the files."""
    ADAPTER = "adapter"
    """An adapter is paused."""
    CODE = "code"
    """A template, a channel or a playbook has stopped because of a bug."""
    WEB = "web"
    """The web door is closed, or requests to it fail because of a bug."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, in a sentence without personal data. ``about`` is what several of a kind differ in; empty if it is one."""

    kind: NoticeKind
    message: str
    about: str = ""


def of_alarm(alarm: Alarm) -> Notice:
    """Return the notice of something in delivery that is paused."""
    return Notice(NoticeKind.CODE if alarm.reason == CODE_AT_FAULT else NoticeKind.ADAPTER, str(alarm), alarm.subject)


def packed(notices: Sequence[Notice]) -> str:
    """Return ``notices`` as the column ``worker.notices`` keeps them."""
    return orjson.dumps([asdict(one) for one in notices]).decode()


def unpacked(column: str) -> tuple[Notice, ...]:
    """Return the notices in the column ``worker.notices``."""
    return tuple(Notice(NoticeKind(one["kind"]), one["message"], one.get("about", "")) for one in orjson.loads(column))
