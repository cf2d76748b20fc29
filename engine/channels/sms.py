"""SMS: a text to a phone number."""

import re

from adapters.base import SmsPayload
from engine.channels.base import AddressOf, Channel, Sending
from engine.messages.blocks import Blocks
from engine.messages.render import Rendered

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_PUNCTUATION = re.compile(r"[ ().-]")


class SmsChannel(Channel):
    """The channel ``sms``. Numbers are E.164: a plus, the country code, the rest."""

    name = "sms"
    address = AddressOf(column="phone")
    blocks = Blocks(parts=("body",), required=("body",))
    payload = SmsPayload
    sample = "+12025550123"

    def normal(self, address: str) -> str | None:
        """Return the number without spaces, brackets, dots and hyphens."""
        digits = _PUNCTUATION.sub("", address)
        return digits if _PHONE(digits) else None

    def compose(self, rendered: Rendered, sending: Sending) -> SmsPayload:
        """Return the text."""
        return SmsPayload(f"{sending.mark}{rendered.plain('body')}")


SMS = SmsChannel()
"""The channel."""
