"""What the words of a reply mean: the last resort, for replies whose codes do not say it.

Only text that the recipient's address cannot have written is looked at (``Refusal.words``), and only for phrases that a
server does not say of a mailbox. The first phrase that is found decides.
"""

import re

from adapters.smtp.meanings import (
    BLOCKED,
    CONTENT,
    FULL,
    GREYLIST,
    HELLO,
    NO_PERMISSION,
    POLICY,
    QUOTA,
    SENDER,
    UNAUTHENTICATED,
    Meaning,
)
from adapters.smtp.reply import Refusal

_OUR_QUOTA = (
    r"\b(send|sending|submission|relay) ?(rate|limit|quota)|\b(daily|hourly)\b.{0,40}\b(limit|quota)"
    r"|\b(limit|quota|max\w*)\b.{0,30}\bper (minute|hour|day)\b|\b(sending|outgoing|outbound)\b.{0,40}\b(limit|quota|exceed)"
    r"|\bexceed\w*\b.{0,40}\b(sending|outgoing|outbound)\b"
    r"|\bunusual sending|\bsending (is |has been )?(paused|suspended|disabled)"
)
_IP = r"(\bip\b|\b\d{1,3}(\.\d{1,3}){3}\b)"
_PHRASES: tuple[tuple[Meaning, str], ...] = (
    (POLICY, r"\bresolver\.rst\b"),  # Exchange: the recipient takes mail from certain senders only
    (QUOTA, _OUR_QUOTA),
    (QUOTA, r"\bthrottl|\brate[- ]?limit|\btoo (much|many) (e?mails?|messages|connections|recipients) from\b"),
    (FULL, r"\b(mailbox|inbox|account|user|storage)\b.{0,40}\b(full|quota|exceed)|\bover ?quota\b"),
    (GREYLIST, r"\bgr[ea]y-? ?list"),
    (CONTENT, r"\b(virus|malware|phish|attachment|ur[il])"),
    (UNAUTHENTICATED, r"\b(spf|dkim|dmarc)\b"),
    (HELLO, r"\b(helo|ehlo)\b"),
    (BLOCKED, r"\bclient host\b|\breverse (dns|host)|\bptr\b|\breputation\b|\b(rbl|dnsbl|spamhaus|spamcop)\b"),
    (BLOCKED, r"\b(black|block|deny)[- ]?list|\blisted (at|in|by|on)\b"),
    (BLOCKED, r"\b(your|sending|client) (ip|host|server|network)\b.{0,60}\b(block|bann|deni|reject|refus|bad|poor)"),
    (BLOCKED, r"\b(block|bann|deni|reject|refus)\w*\b.{0,40}\b(your|sending|client) (ip|host|server|network)\b"),
    (BLOCKED, r"\b(connections?|mail|messages) from\b.{0,50}\b(block|deni|refus|reject|not accepted|deferred)"),
    (NO_PERMISSION, r"\brelay\w*( access| attempts?)?( is| was)? ?(deni|not\b|prohib|reject|refus|disallow|forbid)"),
    (NO_PERMISSION, r"\b(not|cannot|can't|unable|permitted|allowed|unauthori[sz]ed) to relay|\bno relay|\brcpthosts\b"),
    (
        NO_PERMISSION,
        r"\bauthentication( is| was)?[- ](required|needed|failed)|\bnot authenticated\b|\bauthenticate first",
    ),
    (NO_PERMISSION, r"\b(must|need to|please)\b.{0,30}\b(authenticat|log ?in\b)|\bsmtp auth|\binvalid credentials\b"),
    (SENDER, r"\bsender( address| domain)?( was| is)? (rejected|refused|denied|blocked|verif|not\b|unknown)"),
    (SENDER, r"\bverification failed for\b|\bnot (allowed|permitted|authori[sz]ed) to send\b|\bnot owned by\b"),
    (SENDER, r"\b(address(es)?|domain|identit(y|ies))\b.{0,30}\bnot (been )?verified\b"),
    (SENDER, r"\bnot match a verified\b|\bsender signature\b|\bunauthenticated senders?\b"),
    (CONTENT, r"\bspam\b|\bunsolicited\b|\bmessage content\b|\bjunk\b"),
    (BLOCKED, rf"\b(block|bann|deni|refus|listed)\w*\b.{{0,80}}{_IP}|{_IP}.{{0,80}}\b(block|bann|deni|refus|listed)"),
)
_COMPILED = tuple((meaning, re.compile(phrase)) for meaning, phrase in _PHRASES)
_OF_OUR_QUOTA = re.compile(_OUR_QUOTA)


def by_words(refusal: Refusal) -> Meaning | None:
    """Return what the reply's words mean; None if they say no more than its codes."""
    words = refusal.words
    return next((meaning for meaning, phrase in _COMPILED if phrase.search(words)), None)


def says_our_quota(refusal: Refusal) -> bool:
    """Tell whether the reply speaks of a limit on sending, as opposed to the size of a mailbox."""
    return _OF_OUR_QUOTA.search(refusal.words) is not None
