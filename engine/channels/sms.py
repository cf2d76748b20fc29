"""SMS: a text to a phone number."""

from adapters.base import SmsPayload
from engine.channels.base import CONTROLS, AddressOf, Channel, Sending
from engine.intake.rows.phone import read_number
from engine.intake.rows.values import BadValue
from engine.messages.blocks import Blocks
from engine.messages.render import Rendered


class SmsChannel(Channel):
    """The channel ``sms``. Numbers are E.164: a plus, the country code, the rest."""

    name = "sms"
    address = AddressOf(column="phone")
    blocks = Blocks(parts=("body",), required=("body",))
    payload = SmsPayload
    sample = "+12025550123"

    def normal(self, address: str) -> str | None:
        """Return the number as E.164 if it has its country code. Stored numbers are in this form, and cost nothing."""
        return _read(address)

    def typed(self, address: str, country: str) -> str | None:
        """Return the number as E.164, also if it is written as it is dialled in ``country``."""
        return None if CONTROLS.search(address.strip()) else _read(address.strip(), country)

    def compose(self, rendered: Rendered, sending: Sending) -> SmsPayload:
        """Return the text."""
        return SmsPayload(f"{sending.mark}{rendered.plain('body')}")


def _read(address: str, country: str = "") -> str | None:
    try:
        return read_number(address, country)
    except BadValue:
        return None


SMS = SmsChannel()
"""The channel."""
