"""When a coupon code expires: a day stays a day, from the file that gives it to the message that names it.

A code that is good until a day is good to the end of that day in the brand's zone. What is stored is that instant, and
``last_day`` returns the day that it was made of, whatever zone the reader lives in.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.calendar.zones import local_day, local_instant
from engine.clock import SECOND, Instant, instant, midnight_utc

_UTC = ZoneInfo("UTC")
_ONE_DAY = timedelta(days=1)
_FIRST_YEAR, _NO_YEAR = 1970, 9999
_NEVER = midnight_utc(date(_NO_YEAR, 1, 1))
"""From here on, older versions of the program stored dates that mean never."""


def read_expiry(value: str, zone: ZoneInfo) -> Instant | None:
    """Return the instant at which a code expires that is good until ``value``, ISO 8601, in ``zone`` by default.

    A date without a time means the end of that day in ``zone``; the year 9999 means never, which is None.

    Raises:
        ValueError: the text is not ISO 8601, or the year is before 1970.
    """
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"`{value}` is not a date or time; write one such as `2026-12-31`") from error
    if moment.year < _FIRST_YEAR:
        raise ValueError(f"`{value}` is before 1970; write a day such as `2026-12-31`")
    if moment.year == _NO_YEAR:
        return None
    if _is_day(value):
        return end_of_day(moment.date(), zone)
    return instant(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def end_of_day(day: date, zone: ZoneInfo) -> Instant:
    """Return the last instant of ``day`` in ``zone``."""
    return Instant(local_instant(day + _ONE_DAY, 0, zone) - 1)


def last_day(expires_at: int, brand_zone: ZoneInfo, zone: ZoneInfo) -> date | None:
    """Return the last day on which a code that expires at ``expires_at`` is good, for a reader in ``zone``.

    It is the same day for all readers if it was given as a day: in the brand's zone or, by older versions of the program,
    in UTC. Only for any other instant, such as that of a code that is good for two weeks, it is the reader's own.
    None if the code never expires.
    """
    if expires_at >= _NEVER:
        return None
    for given_in in (brand_zone, _UTC):
        day = local_day(expires_at - 1, given_in)
        # A shop may write the end of a day as 23:59:59, or as the midnight after it.
        if end_of_day(day, given_in) - expires_at < SECOND:
            return day
    return local_day(expires_at - 1, zone)
