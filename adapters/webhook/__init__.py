"""The adapter ``webhook``: posts events to an endpoint of the brand's own, signed by Standard Webhooks."""

from adapters.kinds import AdapterKind, WithClock
from adapters.webhook.adapter import WebhookAdapter
from adapters.webhook.options import WebhookOptions
from adapters.webhook.outcomes import WEBHOOK_REASONS

WEBHOOK = AdapterKind(
    "webhook", WebhookOptions, WithClock(WebhookAdapter), channel="webhook", reasons=WEBHOOK_REASONS, repeatable=True
)
"""The adapter ``webhook``."""
