"""FCM HTTP v1: push to Android, and through Firebase to Apple's devices and browsers."""

from adapters.fcm.adapter import FcmAdapter
from adapters.fcm.options import FcmOptions
from adapters.fcm.reasons import FCM_REASONS
from adapters.kinds import AdapterKind, WithClock

FCM = AdapterKind(
    "fcm",
    FcmOptions,
    WithClock(FcmAdapter),
    channel="push",
    reasons=FCM_REASONS,
    platforms=frozenset({"android", "ios", "web", "unknown"}),
)
"""The provider ``fcm``."""
