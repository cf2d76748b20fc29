"""The adapters that ship with the program, by the names that ``config.toml`` uses."""

from adapters.capture import CAPTURE_REASONS, CaptureAdapter, CaptureOptions
from adapters.kinds import AdapterKind
from adapters.smtp import SmtpAdapter
from adapters.smtp_options import SmtpOptions
from adapters.smtp_reasons import SMTP_REASONS

ADAPTERS: tuple[AdapterKind, ...] = (
    AdapterKind("capture", CaptureOptions, CaptureAdapter, channel=None, reasons=CAPTURE_REASONS, records_only=True),
    AdapterKind("smtp", SmtpOptions, SmtpAdapter, channel="email", reasons=SMTP_REASONS),
)
