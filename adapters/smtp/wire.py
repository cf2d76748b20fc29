"""The octets of an SMTP transaction: envelope commands and the message (RFC 5321, 6531)."""

import re
from dataclasses import dataclass

from adapters.base import Answer, Message, Outcome
from adapters.domains import ascii_domain

_CONTROLS = re.compile(r"[\x00-\x20\x7f<>]")
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions of a server that we use (RFC 1870, 6531, 2920)."""

    size: bool = False
    smtputf8: bool = False
    pipelining: bool = False


def envelope_commands(extensions: Extensions, message: Message) -> tuple[bytes, bytes] | Answer:
    """Return the commands MAIL and RCPT, or an answer if this server cannot take an address."""
    options = b""
    if extensions.size:
        options += b" SIZE=%d" % len(message.payload.mime)
    sender, recipient = _on_the_wire(message.sender), _on_the_wire(message.recipient)
    for address, outcome in ((sender, Outcome.ADAPTER_DOWN), (recipient, Outcome.REJECTED)):
        if not address or _CONTROLS.search(address):
            return Answer(outcome, "address_invalid", "no mail can be sent to this address")
    if not (sender.isascii() and recipient.isascii()):
        if not extensions.smtputf8:
            outcome, whose = (
                (Outcome.REJECTED, "recipient's") if sender.isascii() else (Outcome.ADAPTER_DOWN, "sender's")
            )
            detail = f"the {whose} address is not ASCII, and the server accepts only ASCII"
            return Answer(outcome, "smtputf8_unsupported", detail)
        options += b" SMTPUTF8 BODY=8BITMIME"
    try:
        said = sender.encode("utf-8"), recipient.encode("utf-8")
    except UnicodeEncodeError:
        return Answer(Outcome.REJECTED, "address_invalid", "the address contains invalid characters")
    return b"MAIL FROM:<" + said[0] + b">" + options + b"\r\n", b"RCPT TO:<" + said[1] + b">\r\n"


def _on_the_wire(address: str) -> str:
    """Return an address with its domain in ASCII if only the domain is not ASCII; "" if impossible."""
    name, _, domain = address.rpartition("@")
    if address.isascii() or not name.isascii():
        return address
    try:
        return f"{name}@{ascii_domain(domain)}"
    except ValueError:
        return ""


def dot_stuffed(body: bytes) -> bytes:
    """Return ``body`` with CRLF line endings, one at its end, and leading dots doubled (RFC 5321, 4.5.2)."""
    ends = body.count(b"\r\n")
    if body.count(b"\n") != ends or body.count(b"\r") != ends:
        body = _LINE_ENDS.sub(b"\r\n", body)
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    if body.startswith(b"."):
        body = b"." + body
    return body.replace(b"\r\n.", b"\r\n..")
