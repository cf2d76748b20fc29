"""Crontabs of the worker: when each came last, so that several workers take one turn once."""

from datetime import timedelta

from apscheduler.triggers.cron import CronTrigger

from engine.clock import Instant, instant, to_datetime
from engine.errors import HabitueError

_WEEKDAY = 4


class Turns:
    """The turns of one crontab of five fields, in UTC."""

    def __init__(self, name: str, crontab: str, since: Instant) -> None:
        """Count from ``since``. ``name`` is that of the setting.

        Raises:
            HabitueError: it is no crontab, or names a weekday by its number, on whose meaning programs differ.
        """
        self.name = name
        fields = crontab.split()
        if len(fields) == _WEEKDAY + 1 and any(letter.isdigit() for letter in fields[_WEEKDAY]):
            raise HabitueError(f"schedule.{name}: `{crontab}`: write weekdays by their names, such as `mon-fri`")
        try:
            self.trigger = CronTrigger.from_crontab(crontab, "UTC")
        except ValueError as error:
            raise HabitueError(
                f"schedule.{name}: `{crontab}` is no crontab; write five fields, such as `0 3 * * *` for 03:00 UTC"
            ) from error
        self._next = self.trigger.get_next_fire_time(None, to_datetime(since))

    def latest(self, now: Instant) -> Instant | None:
        """Return the instant of the newest turn that came and was not asked for before; None where none came."""
        found = None
        while self._next is not None and instant(self._next) <= now:
            found = instant(self._next)
            self._next = self.trigger.get_next_fire_time(self._next, self._next + timedelta(seconds=1))
        return found
