"""Telling admins that this machine's clock jumped."""

import structlog

from engine.clock import MINUTE, SETTLED, Clock, Jump, SteadyClock
from engine.content.values import span

TOLD_FOR = 10 * MINUTE
"""How long ``habitue status`` mentions a jump, in milliseconds."""

_log = structlog.get_logger("habitue.worker")


class ClockWatch:
    """Watches the clock of a worker."""

    def __init__(self, clock: Clock) -> None:
        """Only a ``SteadyClock`` notices jumps."""
        self._clock = clock if isinstance(clock, SteadyClock) else None
        self._logged = 0

    def look(self) -> str:
        """Log a jump that is new; return what an admin should know of the last one, empty if it is long ago."""
        jump = self._clock.jump if self._clock else None
        if self._clock is None or jump is None:
            return ""
        if jump.number != self._logged:
            self._logged = jump.number
            _log.warning("clock jumped", by=jump.by / 1_000, why=self._said(jump))
        return self._said(jump) if self._clock.since(jump) < TOLD_FOR or self._clock.in_doubt else ""

    def _said(self, jump: Jump) -> str:
        where = "ahead" if jump.by > 0 else "back"
        said = f"this machine's clock jumped {where} by {span(abs(jump.by))}: make sure that it is synchronised (NTP)"
        if self._clock and self._clock.in_doubt and jump.by > 0:
            return f"{said}; its new time is used once it has lasted {span(SETTLED)}"
        return said
