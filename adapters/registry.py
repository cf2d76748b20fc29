"""The adapters that ship with the program, by the names that ``config.toml`` uses."""

from adapters.capture import CaptureAdapter, CaptureOptions
from adapters.kinds import AdapterKind
from adapters.smtp import SmtpAdapter
from adapters.smtp_options import SmtpOptions

ADAPTERS: tuple[AdapterKind, ...] = (
    AdapterKind("capture", CaptureOptions, CaptureAdapter, channel=None),
    AdapterKind("smtp", SmtpOptions, SmtpAdapter, channel="email"),
)
