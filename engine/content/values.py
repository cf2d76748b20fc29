"""Value types shared by all content files: names, durations, times of day, windows."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import BeforeValidator, StringConstraints

from engine.clock import DAY, HOUR, MINUTE, SECOND

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""A name in files, columns and logs: lower-case letters, digits, underscores; at most 48."""

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"^(\d{1,5})(s|m|h|d|w)$")
_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


def parse_duration(text: Any) -> int:  # noqa: ANN401 - whatever the file holds
    """Return the milliseconds of a duration such as ``30m``, ``12h``, ``90d``.

    Raises:
        ValueError: ``text`` is not a duration.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        raise ValueError(f"{text} is not a duration: add a unit, such as `{text}d` or `{text}h`")
    found = _DURATION.match(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"`{text}` is not a duration: write a number and a unit, such as `30m`, `12h`, `90d`, `2w`")
    return int(found[1]) * _UNITS[found[2]]


def span(milliseconds: int) -> str:
    """Return a duration in the notation of files, in at most two units: ``30d``, ``1h 30m``, ``0s``."""
    parts: list[str] = []
    left = milliseconds
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


Duration = Annotated[int, BeforeValidator(parse_duration)]
"""A duration in milliseconds; in files ``30m``, ``12h``, ``90d``, ``2w``."""


def parse_offset(text: Any) -> int:  # noqa: ANN401
    """Return the milliseconds of a signed duration in whole days, such as ``-3d``.

    Raises:
        ValueError: ``text`` is not a duration, or not in whole days.
    """
    sign, rest = (-1, text[1:]) if isinstance(text, str) and text.startswith("-") else (1, text)
    length = parse_duration(rest)
    if length % DAY:
        raise ValueError(f"`{text}` is not a whole number of days: write `-3d` for three days before")
    return sign * length


DayOffset = Annotated[int, BeforeValidator(parse_offset)]
"""A signed number of whole days, in milliseconds; in files ``-3d``."""


def zone_names() -> frozenset[str]:
    """Return the names of all time zones, except those that mean the machine's own zone."""
    return frozenset(available_timezones() - {"Factory", "localtime", "posixrules"})


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time of day in the user's time zone, in minutes since midnight."""

    minutes: int

    def __str__(self) -> str:
        return f"{self.minutes // 60:02d}:{self.minutes % 60:02d}"


def parse_time(text: Any) -> LocalTime:  # noqa: ANN401
    """Parse a time of day, ``HH:MM``.

    Raises:
        ValueError: ``text`` is not a time of day.
    """
    if isinstance(text, LocalTime):
        return text
    found = _TIME.match(text) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"`{text}` is not a time of day: write `09:00` (24 hours, quoted)")
    return LocalTime(int(found[1]) * 60 + int(found[2]))


TimeOfDay = Annotated[LocalTime, BeforeValidator(parse_time)]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the local day, from ``start`` up to but not including ``end``; it may cross midnight."""

    start: LocalTime
    end: LocalTime

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


def parse_window(text: Any) -> Window:  # noqa: ANN401
    """Parse a window, ``HH:MM-HH:MM``.

    Raises:
        ValueError: ``text`` is not a window, or the window is empty.
    """
    if isinstance(text, Window):
        return text
    parts = text.split("-") if isinstance(text, str) else []
    if len(parts) != 2:
        raise ValueError(f"`{text}` is not a window: write `09:00-20:00`")
    window = Window(parse_time(parts[0].strip()), parse_time(parts[1].strip()))
    if window.start == window.end:
        raise ValueError(f"`{text}` is an empty window: its two times are equal")
    return window


SendWindow = Annotated[Window, BeforeValidator(parse_window)]
