"""A server's reply, taken apart: its code, its enhanced status code (RFC 3463), and text that the recipient cannot write."""

import re
from dataclasses import dataclass
from enum import Enum

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS = re.compile(r"\S*@\S*")
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_QUOTED = re.compile(r"<[^<>]*>|'[^'\n]*@[^'\n]*'|\"[^\"\n]*\"|\S*@\S*")
_WORD = re.compile(r"[^\W_]+")

DETAIL = 200
"""Maximum length of a reply in the log."""


class SmtpStage(Enum):
    """How far a transaction has got. From ``SENT`` on, the server has the whole message."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply other than the expected one, and the recipient of the message that it is about."""

    stage: SmtpStage
    code: int
    text: str
    recipient: str = ""

    @property
    def temporary(self) -> bool:
        """Whether the server says to try again later."""
        return 400 <= self.code < 500

    @property
    def enhanced(self) -> tuple[int, int] | None:
        """Subject and detail of the enhanced status code; None if there is none of the same class as the code."""
        found = _ENHANCED.match(self.text)
        if found is None or int(found[1]) != self.code // 100:
            return None
        return int(found[2]), int(found[3])

    @property
    def shown(self) -> str:
        """The reply as the log shows it: one line, truncated, without addresses or the recipient's name in one."""
        local = self.recipient.rpartition("@")[0]
        text = _ADDRESS.sub("…", self.text)
        return shown(self.code, _whole(local).sub("…", text) if local else text)

    @property
    def words(self) -> str:
        """The text in lower case, without anything that a recipient's address can write into it.

        Servers echo the address between angle brackets, in quotes, or bare, and sometimes only one of its sides.
        """
        text = _QUOTED.sub(" ", self.text.lower())
        local, _, domain = self.recipient.lower().rpartition("@")
        for part in filter(None, (domain, local)):
            text = _whole(part).sub(" ", text)
        theirs = set(_WORD.findall(self.recipient.lower()))
        return " ".join(_WORD.sub(lambda word: "" if word[0] in theirs else word[0], text).split())


def _whole(part: str) -> re.Pattern[str]:
    """Return what finds ``part``, in any case, where it is not inside a longer word."""
    return re.compile(rf"(?<!\w){re.escape(part)}(?!\w)", re.IGNORECASE)


def shown(code: int, text: str) -> str:
    """Return a reply as the log shows it: one line, truncated, without addresses."""
    return f"{code} {_CONTROLS.sub(' ', _ADDRESS.sub('…', text)).strip()}"[:DETAIL]
