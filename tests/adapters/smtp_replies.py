"""Replies as servers of the field give them, in our own wording, and what a postmaster understands by them."""

from typing import NamedTuple

from adapters.base import Outcome
from adapters.smtp.reply import SmtpStage

MAIL, RCPT, DATA, DOT = SmtpStage.SENDER, SmtpStage.RECIPIENT, SmtpStage.CONTENT, SmtpStage.SENT
US, LATER, NEVER = Outcome.SENDING_REFUSED, Outcome.RETRY, Outcome.REJECTED


class Case(NamedTuple):
    """One reply at one stage, the recipient who may be echoed in it, and what it means."""

    stage: SmtpStage
    reply: str
    outcome: Outcome
    reason: str
    to: str = "ann@example.org"

    @property
    def code(self) -> int:
        return int(self.reply[:3])

    @property
    def text(self) -> str:
        """All lines without their codes, as the stream joins them."""
        return "\n".join(line[4:] for line in self.reply.split("\n"))


NO_SUCH_USER = (
    Case(RCPT, "550 5.1.1 <ann@example.org>: no account of this name here", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550-5.1.1 The account that you wrote to is not known.\n550 5.1.1 Check the spelling", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550 5.1.10 RESOLVER.ADR.NotFound; no recipient of this address", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550 5.4.1 Recipient address rejected: Access denied. [DB5.example.net]", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550 5.2.1 The account is inactive", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550 5.7.17 the mailbox has another owner since", NEVER, "mailbox_unavailable"),
    Case(RCPT, "556 5.1.10 the domain accepts no mail at all", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550 unknown user", NEVER, "mailbox_unavailable"),
    Case(RCPT, "550 Unrouteable address", NEVER, "mailbox_unavailable"),
    Case(RCPT, "553 sorry, nobody by that name", NEVER, "mailbox_unavailable"),
    Case(RCPT, "501 5.1.3 this is no mailbox", NEVER, "mailbox_unavailable"),
    Case(DOT, "554 5.1.1 no such account, said after the message", NEVER, "mailbox_unavailable"),
    Case(RCPT, "450 4.1.1 the address could not be verified", LATER, "recipient_deferred"),
    Case(RCPT, "450 4.1.2 the recipient's domain cannot be found", LATER, "recipient_deferred"),
)  # fmt: skip
MAILBOX_FULL = (
    Case(RCPT, "552 5.2.2 The inbox has no room left", NEVER, "mailbox_full"),
    Case(RCPT, "452 4.2.2 The inbox has no room left", LATER, "mailbox_full"),
    Case(RCPT, "552 mailbox is over quota", NEVER, "mailbox_full"),
    Case(RCPT, "550 the user's mailbox is full", NEVER, "mailbox_full"),
    Case(DOT, "552 5.2.2 mailbox quota exceeded", NEVER, "mailbox_full"),
)
GREYLISTED = (
    Case(RCPT, "450 4.2.0 <ann@example.org>: Greylisted, come back in five minutes", LATER, "greylisted"),
    Case(RCPT, "451 4.7.1 Greylisting is on, please try later", LATER, "greylisted"),
    Case(RCPT, "450 4.2.0 <ann@example.org>: not now", LATER, "recipient_deferred"),
    Case(RCPT, "450 4.2.1 The user is getting mail too quickly", LATER, "recipient_deferred"),
    Case(RCPT, "451 local error in processing", LATER, "recipient_deferred"),
    Case(RCPT, "452 4.5.3 too many recipients", LATER, "recipient_deferred"),
)
MESSAGE_REFUSED = (
    Case(MAIL, "552 5.3.4 the message is larger than we take", NEVER, "message_unsuitable"),
    Case(MAIL, "552 larger than we take", NEVER, "message_unsuitable"),
    Case(DOT, "552 5.3.4 the message is larger than we take", NEVER, "message_unsuitable"),
    Case(RCPT, "550 5.2.3 RESOLVER.RST.RecipSizeLimit; too large for this recipient", NEVER, "message_unsuitable"),
    Case(DOT, "554 5.6.0 the message is malformed", NEVER, "content_refused"),
    Case(DOT, "552 5.7.0 the attachment may be dangerous", NEVER, "content_refused"),
    Case(DOT, "550 5.7.1 looks like unsolicited mail", NEVER, "content_refused"),
    Case(DOT, "554 5.7.1 [PH01] not taken for reasons of policy", NEVER, "content_refused"),
    Case(DOT, "550 5.7.1 [192.0.2.1 12] probably unsolicited, so it was blocked", NEVER, "content_refused"),
    Case(DOT, "550 found to be spam", NEVER, "content_refused"),
    Case(DOT, "554 5.7.1 a URL in the text is listed by a block list", NEVER, "content_refused"),
    Case(DOT, "451 4.7.1 will be looked at again later", LATER, "content_deferred"),
    Case(DATA, "554 5.5.1 no", NEVER, "content_refused"),
    Case(RCPT, "550 5.6.7 no addresses outside ASCII", NEVER, "smtputf8_unsupported"),
)
OF_THE_RECIPIENT_S_POLICY = (
    Case(RCPT, "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", NEVER, "policy_refused"),
    Case(RCPT, "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", NEVER, "policy_refused"),
    Case(RCPT, "550 5.7.124 the sender is not in the group's list", NEVER, "policy_refused"),
    Case(RCPT, "550 5.7.12 only senders of the organisation may write", NEVER, "policy_refused"),
    Case(RCPT, "554 5.7.1 <ann@example.org>: Recipient address rejected: no mail wanted", NEVER, "policy_refused"),
    Case(RCPT, "550 5.2.122 more than the recipient may get in an hour", NEVER, "recipient_refused"),
)  # fmt: skip
OUR_QUOTA = (
    Case(RCPT, "550 5.4.5 Daily user sending limit exceeded", US, "quota_exceeded"),
    Case(DOT, "550 5.4.5 Daily user sending limit exceeded", US, "quota_exceeded"),
    Case(MAIL, "550 5.4.5 Daily user sending limit exceeded", US, "quota_exceeded"),
    Case(DOT, "550 5.7.1 the daily relay limit of the customer is exceeded", US, "quota_exceeded"),
    Case(DOT, "454 Throttling failure: over the highest sending rate", US, "quota_exceeded"),
    Case(DOT, "454 Throttling failure: the daily message quota is used up", US, "quota_exceeded"),
    Case(DOT, "550 5.2.2 submission quota exceeded", US, "quota_exceeded"),
    Case(RCPT, "550 5.1.90 the day's limit of recipients is reached", US, "quota_exceeded"),
    Case(RCPT, "450 not taken: the send limit is exceeded", US, "quota_exceeded"),
    Case(DOT, "550 the account has exceeded what it may use for outgoing mail", US, "quota_exceeded"),
    Case(DOT, "550 5.2.2 outbound quota used up", US, "quota_exceeded"),
    Case(RCPT, "550 5.7.233 the tenant has reached its limit", US, "quota_exceeded"),
    Case(DOT, "550 5.7.705 the tenant is over its threshold", US, "quota_exceeded"),
    Case(RCPT, "550 shop.example has sent more than the max emails per hour (30/30)", US, "quota_exceeded"),
    Case(MAIL, "450 4.7.1 Error: too much mail from 192.0.2.1", US, "quota_exceeded"),
    Case(DOT, "421 4.7.28 an unusual rate of mail from your address", US, "quota_exceeded"),
    Case(DOT, "554 Sending is paused for this account", US, "quota_exceeded"),
    Case(DOT, "550 5.4.6 unusual sending activity", US, "quota_exceeded"),
)
OUR_ADDRESS = (
    Case(RCPT, "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using bl.example.net", US, "ip_blocked"),
    Case(RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example.net", US, "ip_blocked"),
    Case(RCPT, "550 no, because 192.0.2.1 is in a black list at bl.example.net", US, "ip_blocked"),
    Case(RCPT, "550 5.7.25 the address that sends has no PTR record", US, "ip_blocked"),
    Case(RCPT, "450 4.7.25 Client host rejected: your hostname cannot be found", US, "ip_blocked"),
    Case(MAIL, "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", US, "ip_blocked"),
    Case(RCPT, "451 4.7.650 [192.0.2.1] is slowed down for its reputation", US, "ip_blocked"),
    Case(MAIL, "421 4.7.0 [TSS04] Messages from 192.0.2.1 deferred, users complained", US, "ip_blocked"),
    Case(RCPT, "550 5.7.1 messages from [192.0.2.1] were not sent, the network is on our block list", US, "ip_blocked"),
    Case(RCPT, "554 Blocked, see https://check.example.net/?ip=192.0.2.1", US, "ip_blocked"),
    Case(RCPT, "550 192.0.2.1 is refused here", US, "ip_blocked"),
    Case(RCPT, "554 5.7.1 Service unavailable; the domain of MAIL is listed by Spamhaus", US, "ip_blocked"),
    Case(MAIL, "550 5.7.1 your IP is not welcome, it has a bad reputation", US, "ip_blocked"),
)
OUR_SENDER = (
    Case(MAIL, "550 5.7.1 this sender is not yours", US, "sender_refused"),
    Case(MAIL, "553 not a sender that we know", US, "sender_refused"),
    Case(MAIL, "450 4.1.8 the sender's domain cannot be found", US, "sender_deferred"),
    Case(RCPT, "550 5.1.8 <hello@example.com>: Sender address rejected: no such domain", US, "sender_refused"),
    Case(RCPT, "550 Sender verify failed", US, "sender_refused"),
    Case(RCPT, "553 5.7.1 <hello@example.com>: Sender address rejected: not owned by this login", US, "sender_refused"),
    Case(DOT, "554 Message rejected: the address is not verified in this region", US, "sender_refused"),
    Case(DOT, "550 the From address does not match a verified sender", US, "sender_refused"),
    Case(DOT, "550 5.7.60 no permission to send as this sender", US, "sender_refused"),
    Case(DOT, "550 5.7.26 neither SPF nor DKIM passes", US, "sender_unauthenticated"),
    Case(RCPT, "550 5.7.23 SPF says no", US, "sender_unauthenticated"),
    Case(DOT, "550 5.7.1 refused by the DMARC policy of the sender's domain", US, "sender_unauthenticated"),
    Case(RCPT, "504 5.5.2 <localhost>: Helo command rejected: not a full name", US, "hello_refused"),
)
RELAY_OR_LOGIN = (
    Case(RCPT, "554 5.7.1 <ann@example.org>: Relay access denied", US, "not_authorised"),
    Case(RCPT, "454 4.7.1 <ann@example.org>: Relay access denied", US, "not_authorised"),
    Case(RCPT, "554 5.7.1 relaying denied", US, "not_authorised", "re@example.org"),
    Case(RCPT, "550 relay not permitted", US, "not_authorised"),
    Case(RCPT, "550 5.7.1 Unable to relay", US, "not_authorised"),
    Case(RCPT, "553 this domain is not in our list of rcpthosts", US, "not_authorised"),
    Case(RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", US, "not_authorised"),
    Case(MAIL, "530 5.7.0 log in first", US, "not_authorised"),
    Case(MAIL, "530 5.7.57 the client has not logged in", US, "not_authorised"),
    Case(RCPT, "550 please turn on SMTP authentication to send to others", US, "not_authorised"),
    Case(RCPT, "525 5.7.13 the account is disabled", US, "not_authorised"),
    Case(RCPT, "503 log in before you send to others", US, "not_authorised"),
    Case(RCPT, "550 authentication required", US, "not_authorised"),
)
SERVICE = (
    Case(MAIL, "421 4.3.2 going down", US, "service_unavailable"),
    Case(RCPT, "421 4.7.0 too busy", US, "service_unavailable"),
    Case(MAIL, "421 4.7.0 [192.0.2.1 15] an unusual rate of unsolicited mail", US, "service_unavailable"),
    Case(DOT, "421 4.3.0 a temporary problem", US, "service_unavailable"),
    Case(RCPT, "450 4.3.2 not available right now", US, "service_unavailable"),
    Case(RCPT, "451 4.3.5 wrong configuration of the server", US, "service_unavailable"),
    Case(DOT, "452 4.3.1 disk full", US, "service_unavailable"),
    Case(MAIL, "452 4.3.1 disk full", US, "service_unavailable"),
)
TRAPS = (
    Case(RCPT, "550 <ivan.loginov@example.com>: no such user", NEVER, "mailbox_unavailable", "ivan.loginov@example.com"),
    Case(RCPT, "550 loginov: no such user", NEVER, "mailbox_unavailable", "loginov@example.com"),
    Case(RCPT, "550 no such user at relay.example", NEVER, "mailbox_unavailable", "bob@relay.example"),
    Case(RCPT, "550 relay denied: unknown", NEVER, "mailbox_unavailable", "bob@relay.denied"),
    Case(RCPT, "550 \"authentication required\" is unknown", NEVER, "mailbox_unavailable", "bob@example.com"),
    Case(RCPT, "550 authentic@example.com unknown", NEVER, "mailbox_unavailable", "authentic@example.com"),
    Case(RCPT, "550 Daily-limit@Quota.example unknown", NEVER, "mailbox_unavailable", "daily-limit@quota.example"),
    Case(RCPT, "550 DAILY.LIMIT unknown", NEVER, "mailbox_unavailable", "daily.limit@example.com"),
    Case(RCPT, "550 spamhaus.example does not know client.host", NEVER, "mailbox_unavailable", "client.host@spamhaus.example"),
    Case(RCPT, "550 <greylist@dmarc.example> unknown", NEVER, "mailbox_unavailable", "greylist@dmarc.example"),
    Case(RCPT, "550 5.1.1 relay access denied, authentication required, daily limit exceeded", NEVER, "mailbox_unavailable"),
    Case(RCPT, "554 5.7.1 <smtp.auth@helo.example>: no", NEVER, "policy_refused", "smtp.auth@helo.example"),
    Case(RCPT, "550 192.0.2.1.refused: unknown", NEVER, "mailbox_unavailable", "192.0.2.1.refused@example.com"),
    Case(DOT, "550 5.7.1 spam for reputation@example.org", NEVER, "content_refused", "reputation@example.org"),
)  # fmt: skip
"""Addresses that write words into a reply, and words that codes contradict."""

CASES = (
    *NO_SUCH_USER, *MAILBOX_FULL, *GREYLISTED, *MESSAGE_REFUSED, *OF_THE_RECIPIENT_S_POLICY, *OUR_QUOTA, *OUR_ADDRESS,
    *OUR_SENDER, *RELAY_OR_LOGIN, *SERVICE, *TRAPS,
)  # fmt: skip
