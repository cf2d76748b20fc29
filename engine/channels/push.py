"""Push: a notification to the app on each of a user's devices."""

from dataclasses import replace

from adapters.base import PushPayload
from engine.channels.base import AddressOf, Channel, Sending, Shown
from engine.messages.blocks import Blocks
from engine.messages.push import PARTS, prepare_push, push_payload
from engine.messages.render import Rendered

_MAX_TOKEN = 2_000


class PushChannel(Channel):
    """The channel ``push``. The address is the token of a device, issued by its platform."""

    name = "push"
    address = AddressOf(attribute="push_token", devices=True)
    blocks = Blocks(parts=PARTS, required=("title", "body"), headline="title", prepare=prepare_push)
    payload = PushPayload
    sample = "sample-token"

    def normal(self, address: str) -> str | None:
        """Return the token if its length is plausible."""
        return address if 0 < len(address) <= _MAX_TOKEN else None

    def compose(self, rendered: Rendered, sending: Sending) -> PushPayload:
        """Return the title and the body, and the image, the link and the data if there are any."""
        payload = push_payload(rendered)
        return replace(payload, title=f"{sending.mark}{payload.title}")

    def preview(self, rendered: Rendered) -> Shown:
        """Return the title, and the body with a line for each other part."""
        payload = push_payload(rendered)
        links = (f"{name}: {link}" for name, link in (("Image", payload.image), ("Link", payload.link)) if link)
        data = (f"Data: {key}: {value}" for key, value in payload.data.items())
        return Shown(payload.title, "\n\n".join(filter(None, (payload.body, "\n".join((*links, *data))))))


PUSH = PushChannel()
"""The channel."""
