"""Building a MIME message (RFC 5322, 2045, 2046, 2047, 2369, 8058) from parts that are already encoded.

The standard library builds a few hundred such messages a second; joining prepared pieces builds tens of thousands.
The boundary begins with ``=_``, which cannot occur in quoted-printable text, where ``=`` is followed by two
hexadecimal digits or a line end (RFC 2045, 6.7).
"""

from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b

from engine.clock import SECOND, to_datetime
from engine.errors import BrandError, RenderError
from engine.messages.email.headers import Mailbox, field, link, mailbox, unstructured
from engine.messages.reasons import MessageReason
from engine.messages.render import Rendered

_TEXT_HEAD = b'\r\nContent-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
_HTML_HEAD = b'\r\nContent-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
_ONE_CLICK = b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The values of a message's header. ``key`` is the action's idempotency key, ``at`` the date in UTC milliseconds.

    ``message_id`` comes from ``message_id()``. Take ``at`` from the action, not from the attempt, so that every attempt
    builds the same octets. ``unsubscribe_url`` adds both headers of RFC 8058; ``unsubscribe_mailto``, a ``mailto:``
    URI, joins the first. ``extra`` are further fields such as ``Feedback-ID``.
    """

    key: str
    at: int
    message_id: str
    sender: Mailbox
    recipient: Mailbox
    reply_to: Mailbox | None = None
    unsubscribe_url: str = ""
    unsubscribe_mailto: str = ""
    extra: tuple[tuple[str, str], ...] = ()


def message_id(key: str, domain: str) -> str:
    """Derive a Message-ID from an action's key, the same on every attempt: ``<32 hexadecimal digits@domain>``."""
    return f"<{_digest(key, b'message-id', 16)}@{domain}>"


def build(rendered: Rendered, envelope: Envelope, mark: str = "") -> bytes:
    """Return the complete message: multipart/alternative of text and HTML, CRLF line ends, 7-bit except for addresses.

    ``mark`` is put before the subject.

    Raises:
        RenderError: the recipient's address or a header is invalid (reasons ``address_invalid``, ``header_invalid``), a
            link in the message has no known scheme (``url_invalid``), or it is not an email.
        BrandError: the sender's address, the address for replies or the unsubscribe link is invalid.
    """
    prepared = rendered.prepared
    if prepared.text is None or prepared.html is None:
        raise RenderError("only a template of the email channel can be built into an email")
    boundary = b"=_" + _digest(envelope.key, b"boundary", 12).encode("ascii")
    values, known = rendered.values, dict[str, bytes]()
    pieces = [
        *_header(f"{mark}{rendered.subject}" if mark else rendered.subject, envelope),
        b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n--',
        boundary,
        _TEXT_HEAD,
        *prepared.text.encode(values, known),
        b"\r\n--",
        boundary,
        _HTML_HEAD,
        *prepared.html.encode(values, known),
        b"\r\n--",
        boundary,
        b"--\r\n",
    ]
    return b"".join(pieces)


def _header(subject: str, envelope: Envelope) -> list[bytes]:
    pieces = [
        b"Date: ",
        _date(envelope.at // SECOND),
        b"\r\nMessage-ID: ",
        _identifier(envelope.message_id),
        b"\r\nFrom: ",
        _own_mailbox(envelope.sender),
        b"\r\nTo: ",
        mailbox(envelope.recipient.address, envelope.recipient.name),
        b"\r\nSubject: ",
        unstructured(subject),
        b"\r\n",
    ]
    if envelope.reply_to is not None:
        pieces += (b"Reply-To: ", _own_mailbox(envelope.reply_to), b"\r\n")
    links = [_own_link(uri) for uri in (envelope.unsubscribe_url, envelope.unsubscribe_mailto) if uri]
    if links:
        end = _ONE_CLICK if envelope.unsubscribe_url else b"\r\n"
        pieces += (b"List-Unsubscribe: ", b",\r\n ".join(links), end)
    pieces.extend(field(name, value) for name, value in envelope.extra)
    return pieces


def _digest(key: str, purpose: bytes, size: int) -> str:
    return blake2b(key.encode("utf-8", "replace"), digest_size=size, person=purpose).hexdigest()


@lru_cache(maxsize=32)
def _own_mailbox(own: Mailbox) -> bytes:
    try:
        return mailbox(own.address, own.name)
    except RenderError:
        raise BrandError("brand.sender or brand.reply_to is not an address that mail can be sent from") from None


def _own_link(uri: str) -> bytes:
    try:
        return link(uri)
    except RenderError:
        raise BrandError("brand.unsubscribe_url is not a link that a header can have") from None


@lru_cache(maxsize=1024)
def _date(seconds: int) -> bytes:
    return format_datetime(to_datetime(seconds * SECOND)).encode("ascii")


def _identifier(text: str) -> bytes:
    if not (text.isascii() and text.isprintable() and " " not in text and text[:1] == "<" and text[-1:] == ">"):
        raise RenderError(
            "this is not a Message-ID: it needs angle brackets around printable ASCII", MessageReason.HEADER_INVALID
        )
    return text.encode("ascii")
