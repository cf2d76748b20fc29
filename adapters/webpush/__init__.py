"""Web Push: notifications to browsers, over their makers' push services (RFC 8030, RFC 8291, RFC 8292)."""

from adapters.kinds import AdapterKind, WithClock
from adapters.webpush.adapter import make_webpush
from adapters.webpush.options import WebPushOptions
from adapters.webpush.reasons import WEBPUSH_REASONS

WEBPUSH = AdapterKind(
    "webpush",
    WebPushOptions,
    WithClock(make_webpush),
    channel="push",
    reasons=WEBPUSH_REASONS,
    platforms=frozenset({"web"}),
)
"""The adapter ``webpush``."""
