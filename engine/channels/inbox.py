"""Inbox: a message that the brand's own app fetches and shows."""

import json
from collections.abc import Mapping

from adapters.base import InboxPayload
from engine.channels.base import AddressOf, Channel, Sending, Shown
from engine.content.values import parse_duration
from engine.errors import RenderError
from engine.messages.blocks import Blocks
from engine.messages.json_text import json_part
from engine.messages.links import filled_link, link_part
from engine.messages.render import Rendered
from engine.messages.skeleton import Prepared, plain_part

_MAX_KEY = 1_000


def _prepare(parts: Mapping[str, str]) -> Prepared:
    plain = {name: plain_part(parts[name].strip()) for name in ("title", "body", "expires")}
    links = {name: link_part(name, parts[name].strip()) for name in ("link", "image")}
    return Prepared({**plain, **links, "data": json_part(parts["data"], "data")})


class InboxChannel(Channel):
    """The channel ``inbox``. The address is the user's key, so every user has one."""

    name = "inbox"
    address = AddressOf(column="key")
    blocks = Blocks(
        parts=("title", "body", "link", "image", "data", "expires"),
        required=("title", "body"),
        headline="title",
        prepare=_prepare,
    )
    payload = InboxPayload
    sample = "customer-10042"

    def normal(self, address: str) -> str | None:
        """Return the key if its length is plausible."""
        return address if 0 < len(address) <= _MAX_KEY else None

    def compose(self, rendered: Rendered, sending: Sending) -> InboxPayload:
        """Return the message.

        Raises:
            RenderError: a link is not valid, or ``expires`` is not a duration.
        """
        data = rendered.plain("data")
        return InboxPayload(
            f"{sending.mark}{rendered.subject}",
            rendered.plain("body"),
            filled_link("link", rendered.plain("link")),
            filled_link("image", rendered.plain("image")),
            json.loads(data) if data else {},
            _lasts(rendered.plain("expires")),
        )

    def preview(self, rendered: Rendered) -> Shown:
        """Return the title and the body, and what else the app gets."""
        others = ((name, rendered.plain(name)) for name in ("link", "image", "data", "expires"))
        more = "\n".join(f"{name}: {said}" for name, said in others if said)
        return Shown(rendered.subject, "\n\n".join(part for part in (rendered.plain("body"), more) if part))


def _lasts(text: str) -> int | None:
    """Return how long a message is shown, in milliseconds."""
    if not text:
        return None
    try:
        lasts = parse_duration(text)
    except ValueError:
        lasts = 0
    if not lasts:
        raise RenderError("the block `expires` is not how long the message is shown: write `12h` or `14d`")
    return lasts


INBOX = InboxChannel()
"""The channel."""
