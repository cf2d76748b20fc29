"""SMS: a text to a phone number."""

from adapters.base import SmsPayload
from engine.actions.described_enum import DescribedEnum
from engine.channels.base import CONTROLS, AddressOf, Channel, Sending, Shown
from engine.digits import is_e164
from engine.errors import MessageTooLong
from engine.messages.blocks import Blocks
from engine.messages.render import Rendered
from engine.messages.segments import SPACES, count_segments


class SmsReason(DescribedEnum):
    """Why the channel does not send a message."""

    TOO_MANY_SEGMENTS = (
        "too_many_segments",
        "The text has more segments than its playbook, or `sms.max_segments`, allows; it is not cut.",
    )


class SmsChannel(Channel):
    """The channel ``sms``. Numbers are E.164: a plus, the country code, the rest."""

    name = "sms"
    address = AddressOf(column="phone")
    blocks = Blocks(parts=("body",), required=("body",), texting=True)
    reasons = tuple(SmsReason)
    payload = SmsPayload
    sample = "+12025550123"

    def normal(self, address: str) -> str | None:
        """Return the number as E.164 if it has its country code. Stored numbers are in this form, and cost nothing."""
        return _read(address)

    def typed(self, address: str, country: str) -> str | None:
        """Return the number as E.164, also if it is written as it is dialled in ``country``."""
        return None if CONTROLS.search(address.strip()) else _read(address.strip(), country)

    def compose(self, rendered: Rendered, sending: Sending) -> SmsPayload:
        """Return the text. It is sent as it is or not at all: a text that is cut says something else.

        Raises:
            MessageTooLong: it has more segments than ``sending`` allows.
        """
        text = f"{sending.mark}{_body(rendered)}"
        found = count_segments(text)
        if 0 < sending.max_segments < found.number:
            said = f"{found.number} segments of {found.encoding}, and its playbook allows {sending.max_segments}"
            raise MessageTooLong(said, SmsReason.TOO_MANY_SEGMENTS)
        return SmsPayload(text, found.number)

    def preview(self, rendered: Rendered) -> Shown:
        """Return the text, and its segments."""
        text = _body(rendered)
        return Shown("", text, segments=count_segments(text))


def _body(rendered: Rendered) -> str:
    """Return the text with plain spaces: one no-break space, as number formats have them, would make it UCS-2."""
    return rendered.plain("body").translate(SPACES)


def _read(address: str, country: str = "") -> str | None:
    if is_e164(address):
        return address
    # Processes that compose get addresses in this form, and start faster without the rest.
    from engine.intake.rows.phone import read_number
    from engine.intake.rows.values import BadValue

    try:
        return read_number(address, country)
    except BadValue:
        return None


SMS = SmsChannel()
"""The channel."""
