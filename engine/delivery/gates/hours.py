"""The gate that waits for the step's window and, for marketing, for the end of the quiet hours."""

from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.actions.described_enum import DescribedEnum
from engine.actions.states import State
from engine.calendar.window import SendingHours, next_permitted
from engine.calendar.zones import local_minute, zone_or
from engine.content.values import Window, parse_window
from engine.delivery.gates.base import PASS, Columns, Defer, Gate, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.errors import BadRow


class HoursReason(DescribedEnum):
    """Why this gate refuses or defers."""

    EXPIRES_BEFORE_WINDOW = "expires_before_window", "It expires before the next permitted hour."
    NO_WINDOW = "no_window", "The step's window is entirely within the brand's quiet hours, so no hour is permitted."
    OUTSIDE_WINDOW = "outside_window", "It waits for the step's window in the user's own time zone."
    QUIET_HOURS = "quiet_hours", "It waits for the end of the brand's quiet hours in the user's own time zone."


def _judge(message: PendingMessage, window: Window | None, context: GateContext) -> Verdict:
    quiet = context.quiet_hours if message.message_class == "marketing" else None
    if window is None and quiet is None:
        return PASS
    found = _at(context.now, message.timezone, context.brand_zone, SendingHours(window, quiet))
    if isinstance(found, Defer) and found.until >= message.expires_at:
        return Refuse(HoursReason.EXPIRES_BEFORE_WINDOW, State.EXPIRED, final=True)
    return found


@lru_cache(maxsize=4096)
def _at(now: int, timezone: str | None, brand_zone: str, permitted: SendingHours) -> Verdict:
    """Decide for all users of one zone at once: a batch has thousands of users and few zones."""
    zone = zone_or(timezone, ZoneInfo(brand_zone))
    until = next_permitted(now, zone, permitted)
    if until == now:
        return PASS
    if until is None:
        return Refuse(HoursReason.NO_WINDOW, final=True)
    in_window = permitted.in_window(local_minute(now, zone))
    return Defer(HoursReason.QUIET_HOURS if in_window else HoursReason.OUTSIDE_WINDOW, until)


def _read(row: Any) -> Window | None:  # noqa: ANN401
    return _window(row.send_window) if row.send_window else None


@lru_cache(maxsize=256)
def _window(written: str) -> Window:
    try:
        return parse_window(written)
    except ValueError as error:
        raise BadRow("the action's send_window is not a window such as 09:00-20:00") from error


HOURS = Gate("hours", _judge, tuple(HoursReason), Columns({"send_window": "a.send_window"}, _read))
