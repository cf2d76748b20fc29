"""The program's own log: structured, to standard error, without personal data.

What other libraries log is taken in as well, but only the sentence as their authors wrote it: what they would fill in,
and the text of exceptions, can hold an address or a name.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.settings import LogSettings

_QUIET = ("apscheduler",)
"""Libraries whose warnings say only what the design intends: a tick that is still at work is not started again."""


class _LibraryLogs(logging.Handler):
    """Passes records of other libraries on, without what was filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record of the standard library's logging."""
        error = record.exc_info[0] if record.exc_info else None
        more = {"error": error.__name__} if error else {}
        structlog.get_logger(record.name).log(record.levelno, str(record.msg), **more)


def set_up_logs(settings: LogSettings) -> None:
    """Send the log to standard error, as lines for people or as JSON; once per process, at its start."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_traces,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(handlers=[_LibraryLogs()], level=max(level, logging.WARNING), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)


def _without_traces(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop traces: their last line is the exception's text."""
    event.pop("exc_info", None)
    return event
