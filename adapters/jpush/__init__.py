"""JPush (极光推送): notifications to apps on Android and iOS in mainland China, over its Push API v3."""

from adapters.jpush.adapter import JPushAdapter
from adapters.jpush.options import JPushOptions
from adapters.jpush.reasons import JPUSH_REASONS
from adapters.kinds import AdapterKind

JPUSH = AdapterKind(
    "jpush",
    JPushOptions,
    JPushAdapter,
    channel="push",
    reasons=JPUSH_REASONS,
    platforms=frozenset({"android", "ios", "unknown"}),
)
"""The adapter ``jpush``."""
