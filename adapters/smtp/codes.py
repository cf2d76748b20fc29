"""What reply codes mean: enhanced status codes (RFC 3463 and the registry of RFC 5248) first, then basic ones (RFC 5321).

Large providers use numbers of their own where the registry has none. Those are here too, in ranges.
"""

from adapters.smtp.meanings import (
    BLOCKED,
    CONTENT,
    FULL,
    HELLO,
    NO_MAILBOX,
    NO_PERMISSION,
    NOT_ASCII,
    POLICY,
    QUOTA,
    RECIPIENT,
    SENDER,
    SERVICE,
    UNAUTHENTICATED,
    UNSUITABLE,
    Meaning,
)
from adapters.smtp.reply import Refusal, SmtpStage

LOGIN = frozenset((525, 530, 534, 535, 538))
"""Basic codes about the login, whatever else the reply says (RFC 4954; 525: the account is disabled)."""
CLOSING = 421
"""The reply to any command that says the server is closing the connection."""

_VAGUE = frozenset(((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (7, 0), (7, 1)))
"""Codes that name a subject at most. 7.1 is for relaying, block lists, spam, and recipients who want no mail from us."""

_BY_SUBJECT = {1: NO_MAILBOX, 2: RECIPIENT, 3: SERVICE, 4: RECIPIENT, 6: CONTENT, 7: POLICY}
"""What a code means whose detail is not listed; subject 5, the protocol, depends on the command."""

_BY_CODE: dict[tuple[int, int], Meaning] = {
    (1, 7): SENDER,  # bad syntax of the sender's address
    (1, 8): SENDER,  # the sender's domain cannot be found
    (1, 9): RECIPIENT,
    (1, 90): QUOTA,  # Exchange: the day's limit of recipients
    (2, 1): NO_MAILBOX,  # disabled
    (2, 2): FULL,
    (2, 3): UNSUITABLE,
    (3, 3): UNSUITABLE,
    (3, 4): UNSUITABLE,
    (4, 1): NO_MAILBOX,  # Exchange: no such recipient; elsewhere its host is down for now
    (4, 4): NO_MAILBOX,  # no route to the recipient's domain
    (4, 310): NO_MAILBOX,
    (4, 312): NO_MAILBOX,
    (5, 3): RECIPIENT,
    **dict.fromkeys(((6, 1), (6, 2), (6, 3), (6, 4), (6, 5)), UNSUITABLE),
    **dict.fromkeys(((6, 7), (6, 8), (6, 9), (6, 10)), NOT_ASCII),
    # Relaying and login; 3 and 14 are what Exchange and Gmail say to clients that have not logged in.
    **dict.fromkeys(((7, 3), (7, 4), (7, 8), (7, 9), (7, 10), (7, 11), (7, 13), (7, 14)), NO_PERMISSION),
    **dict.fromkeys(((7, 57), (7, 64), (7, 68)), NO_PERMISSION),
    **dict.fromkeys(((7, 5), (7, 6), (7, 7)), CONTENT),
    (7, 16): UNSUITABLE,
    **dict.fromkeys(((7, 17), (7, 18), (7, 19)), NO_MAILBOX),  # the mailbox has another owner now
    **dict.fromkeys(((7, 20), (7, 21), (7, 22), (7, 23), (7, 24), (7, 26), (7, 29)), UNAUTHENTICATED),
    (7, 25): BLOCKED,  # no reverse DNS
    (7, 27): SENDER,  # the sender's domain accepts no mail
    (7, 28): QUOTA,  # a flood of mail
    (7, 60): SENDER,
    **dict.fromkeys(((7, 232), (7, 233)), QUOTA),
    (7, 506): HELLO,
    (7, 507): POLICY,
    (7, 509): UNAUTHENTICATED,
    (7, 512): CONTENT,
    (7, 515): UNAUTHENTICATED,
}
_RANGES_OF_7 = ((500, 699, BLOCKED), (700, 799, QUOTA))
"""Ranges of Exchange Online: our address or the network is banned or slowed; the tenant has sent too much."""


def by_enhanced(refusal: Refusal) -> Meaning | None:
    """Return what the enhanced status code means; None if there is none, or it says too little."""
    code = refusal.enhanced
    if code is None or code in _VAGUE:
        return None
    if code == (4, 5):  # congestion; Gmail uses the permanent form for the day's limit
        return SERVICE if refusal.temporary else QUOTA
    found = _BY_CODE.get(code)
    subject, detail = code
    if found is None and subject == 7:
        found = next((meaning for low, high, meaning in _RANGES_OF_7 if low <= detail <= high), None)
    return found or _BY_SUBJECT.get(subject)


def by_basic(refusal: Refusal) -> Meaning:
    """Return what the basic code means at the stage of the transaction."""
    code, vague = refusal.code, refusal.enhanced
    if refusal.stage is SmtpStage.SENDER:
        return _OF_MAIL.get(code, SENDER)
    if refusal.stage is SmtpStage.RECIPIENT:
        if vague is not None and vague[0] == 7 and code not in _OF_RCPT_SURE:
            return POLICY
        if vague == (3, 0) and refusal.temporary:
            return SERVICE
        return _OF_RCPT_SURE.get(code) or _OF_RCPT.get(code, RECIPIENT)
    return _OF_DATA.get(code, CONTENT)


_OF_MAIL = {
    452: SERVICE, 454: NO_PERMISSION, 503: NO_PERMISSION, 504: HELLO, 523: UNSUITABLE, 552: UNSUITABLE,
}  # fmt: skip
"""The sender is the same for all messages, so other codes refuse us."""
_OF_RCPT_SURE = {454: NO_PERMISSION, 500: SERVICE, 502: SERVICE, 503: NO_PERMISSION, 504: HELLO, 523: UNSUITABLE}
"""503: MAIL was accepted, so what is missing is the login. 504: servers that check EHLO as late as this."""
_OF_RCPT = {
    **dict.fromkeys((501, 511, 521, 550, 551, 553, 556), NO_MAILBOX),
    **dict.fromkeys((541, 571), POLICY),
    552: FULL,
}
_OF_DATA = {452: SERVICE, 454: NO_PERMISSION, 523: UNSUITABLE, 530: NO_PERMISSION, 552: UNSUITABLE}
