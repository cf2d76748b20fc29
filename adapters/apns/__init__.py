"""APNs: push to Apple's devices, over HTTP/2 with a provider token."""

from adapters.apns.adapter import ApnsAdapter
from adapters.apns.options import ApnsOptions
from adapters.apns.reasons import APNS_REASONS
from adapters.kinds import AdapterKind, WithClock

APNS = AdapterKind(
    "apns", ApnsOptions, WithClock(ApnsAdapter), channel="push", reasons=APNS_REASONS, platforms=frozenset({"ios"})
)
"""The provider ``apns``."""
