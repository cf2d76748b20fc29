"""SMTP (RFC 5321): email over pooled connections to one server."""

from adapters.kinds import AdapterKind
from adapters.smtp.adapter import SmtpAdapter
from adapters.smtp.options import SmtpOptions
from adapters.smtp.reasons import SMTP_REASONS

SMTP = AdapterKind("smtp", SmtpOptions, SmtpAdapter, channel="email", reasons=SMTP_REASONS)
"""The provider ``smtp``."""
