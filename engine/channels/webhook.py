"""Webhook: an event about a user, for the brand's own systems."""

import json
import re
from collections.abc import Mapping
from typing import Any

from adapters.base import WebhookPayload
from engine.channels.base import AddressOf, Channel, Sending, Shown
from engine.errors import RenderError
from engine.messages.blocks import Blocks
from engine.messages.json_text import json_part
from engine.messages.render import Rendered
from engine.messages.skeleton import Prepared, plain_part

_MAX_KEY = 1_000
_EVENT = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*").fullmatch
_MAX_EVENT = 128


def _prepare(parts: Mapping[str, str]) -> Prepared:
    return Prepared({"event": plain_part(parts["event"].strip()), "data": json_part(parts["data"], "data")})


class WebhookChannel(Channel):
    """The channel ``webhook``. The address is the user's key, so every user has one."""

    name = "webhook"
    address = AddressOf(column="key")
    blocks = Blocks(parts=("event", "data"), required=("event",), headline="event", prepare=_prepare)
    payload = WebhookPayload
    sample = "customer-10042"

    def normal(self, address: str) -> str | None:
        """Return the key if its length is plausible."""
        return address if 0 < len(address) <= _MAX_KEY else None

    def compose(self, rendered: Rendered, sending: Sending) -> WebhookPayload:
        """Return the event with its data.

        Raises:
            RenderError: the event's name is not letters, digits and underscores with full stops between.
        """
        event = rendered.subject
        if not _EVENT(event) or len(event) > _MAX_EVENT:
            raise RenderError(
                "the event's name is not valid: write letters, digits and underscores with full stops between, such as"
                f" `tier.reached`, at most {_MAX_EVENT} characters"
            )
        return WebhookPayload(f"{sending.mark}{event}", _data(rendered))

    def preview(self, rendered: Rendered) -> Shown:
        """Return the event's name, and its data as indented JSON."""
        return Shown(rendered.subject, json.dumps(_data(rendered), ensure_ascii=False, indent=2))


def _data(rendered: Rendered) -> dict[str, Any]:
    text = rendered.plain("data")
    data: dict[str, Any] = json.loads(text) if text else {}
    return data


WEBHOOK = WebhookChannel()
"""The channel."""
