"""The program's log: structured, on standard error, without personal data.

It includes what other libraries log, but only their format strings: the arguments, and the texts of exceptions, can
contain an address or a name.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.settings import LogSettings

_QUIET = ("apscheduler",)
"""Libraries whose warnings only report intended behaviour: a tick that is still running is not started again."""


class _LibraryLogs(logging.Handler):
    """Passes on the log records of other libraries, without their arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record of the standard library's logging."""
        error = record.exc_info[0] if record.exc_info else None
        more = {"error": error.__name__} if error else {}
        structlog.get_logger(record.name).log(record.levelno, str(record.msg), **more)


def set_up_logs(settings: LogSettings) -> None:
    """Send the log to standard error, as readable lines or as JSON. Called once, when the process starts."""
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
    """Drop tracebacks: their last line is the exception's text."""
    event.pop("exc_info", None)
    return event
