"""Email: MIME with a text part and an HTML part."""

import re
from collections.abc import Mapping

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from adapters.base import EmailPayload
from engine.channels.base import AddressOf, Channel, Sending, Shown
from engine.messages.blocks import Blocks
from engine.messages.email.headers import Mailbox
from engine.messages.email.mime import Envelope, build, message_id
from engine.messages.render import Rendered
from engine.messages.skeleton import Prepared, prepare_email

# The dot-atom of RFC 5322 without its rarer characters; the library checks all others.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*").fullmatch
# Labels of letters and digits with single hyphens inside, the last of letters only. Other domains may be in IDNA form.
_PLAIN_DOMAIN = re.compile(r"(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,63}").fullmatch
_SPECIAL_USE = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_MAX_LOCAL, _MAX_EMAIL = 64, 254
_MAX_LABEL, _MAX_DOMAIN = 63, 253


def _prepare(parts: Mapping[str, str]) -> Prepared:
    return prepare_email(parts["subject"], parts["text"], parts["html"])


class EmailChannel(Channel):
    """The channel ``email``. The suppression list ignores case."""

    name = "email"
    address = AddressOf(column="email")
    blocks = Blocks(
        parts=("subject", "text"),
        required=("subject", "html"),
        headline="subject",
        page="html",
        inner=("preheader",),
        unsubscribe=True,
        prepare=_prepare,
    )
    payload = EmailPayload
    sample = "robin@example.com"

    def normal(self, address: str) -> str | None:
        """Return ``address`` with its domain in ASCII."""
        local, at, domain = address.rpartition("@")
        plain = at and len(local) <= _MAX_LOCAL and len(address) <= _MAX_EMAIL
        if plain and _PLAIN_LOCAL(local) and _is_plain(domain):
            return f"{local}@{domain.lower()}"
        return _checked(address)

    def suppression_form(self, address: str) -> str:
        """Return ``address`` in lower case."""
        return address.lower()

    def compose(self, rendered: Rendered, sending: Sending) -> EmailPayload:
        """Build the MIME message.

        The Message-ID is derived from the action's key, so it is the same on every hand-off.
        """
        domain = sending.sender.address.rpartition("@")[2]
        envelope = Envelope(
            key=sending.key,
            at=sending.at,
            message_id=message_id(sending.key, domain),
            sender=sending.sender,
            recipient=Mailbox(sending.recipient),
            reply_to=sending.reply_to,
            unsubscribe_url=sending.unsubscribe_url,
            extra=(("X-Habitue-Action", sending.key),),
        )
        return EmailPayload(build(rendered, envelope, sending.mark))

    def preview(self, rendered: Rendered) -> Shown:
        """Return the subject, the text part and the HTML page."""
        return Shown(rendered.subject, rendered.text, rendered.html)


def _is_plain(domain: str) -> bool:
    """Tell whether ``domain`` is obviously valid: the library would agree, but thirty times slower."""
    if not _PLAIN_DOMAIN(domain) or len(domain) > _MAX_DOMAIN or max(map(len, domain.split("."))) > _MAX_LABEL:
        return False
    return not f".{domain.lower()}".endswith(_SPECIAL_USE)


def _checked(address: str) -> str | None:
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{checked.local_part}@{checked.ascii_domain}"


EMAIL = EmailChannel()
"""The channel."""
