"""An email to hand over, and a secret to keep."""

from adapters.base import EmailPayload, Message

SECRET = "correct-horse-battery-staple"
BODY = (
    b"From: hello@example.com\r\nTo: ann@example.org\r\nDate: Fri, 31 Jan 1997 08:00:00 +0000\r\n"
    b"Message-ID: <0123@example.com>\r\nSubject: Hi\r\n\r\nBody\r\n.leading dot\r\n.\r\n..two\r\n\r\n"
)
AT = 854_697_600_000
"""1997-01-31T08:00:00Z."""


def message(key: str = "action-1", recipient: str = "ann@example.org", body: bytes = BODY) -> Message:
    return Message(key, "bounce@example.com", recipient, EmailPayload(body), AT)
