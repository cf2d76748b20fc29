"""Push: a notification to the app on a user's device."""

from adapters.base import PushPayload
from engine.channels.base import AddressOf, Channel, Sending
from engine.messages.blocks import Blocks
from engine.messages.render import Rendered

_MAX_TOKEN = 4096


class PushChannel(Channel):
    """The channel ``push``. The address is the device token issued by its platform."""

    name = "push"
    address = AddressOf(column="push_token")
    blocks = Blocks(parts=("title", "body"), required=("title", "body"), headline="title")
    payload = PushPayload
    sample = "sample-token"

    def normal(self, address: str) -> str | None:
        """Return the token if its length is plausible."""
        return address if 0 < len(address) <= _MAX_TOKEN else None

    def compose(self, rendered: Rendered, sending: Sending) -> PushPayload:
        """Return the title and the body."""
        return PushPayload(f"{sending.mark}{rendered.subject}", rendered.plain("body"))


PUSH = PushChannel()
"""The channel."""
