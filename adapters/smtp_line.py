"""One SMTP connection and the mail transactions that run on it.

The transaction is driven here, because the answer depends on how far it came when a connection broke, and because
messages are built with their final line ends, so nothing has to be searched and copied again. Where the server offers
it, the commands of a transaction leave together (RFC 2920); the message follows only when all of them were answered.
"""

import asyncio

from adapters.base import Answer, Message, Outcome
from adapters.smtp_answers import Stage, accepted, refused
from adapters.smtp_opening import opened
from adapters.smtp_options import SmtpOptions
from adapters.smtp_replies import NotSmtp, Replies
from adapters.smtp_wire import Offers, envelope_commands, stuffed

WHOLE = 64 * 1024
"""Octets of a message that are written with their final dot at once; a longer one waits until it is on its way."""
POLL = 0.005
"""Seconds between looks at how much of a long message is still to be written."""
GOODBYE = 5.0
"""Seconds that a server has to answer QUIT."""

_GO_ON = 354
"""The reply to DATA that asks for the message."""
_CLOSING = 421
"""The reply to any command after which a server hangs up."""
_WANTED = ((Stage.SENDER, (250,)), (Stage.RECIPIENT, (250, 251)), (Stage.CONTENT, (_GO_ON,)))
"""The stages up to the message and the replies that lead on."""


class Line:
    """One connection, and the transaction that runs on it."""

    def __init__(self, options: SmtpOptions) -> None:
        self.sent = 0
        self._options = options
        self._replies: Replies | None = None
        self._offers = Offers()
        self._stage = Stage.SENDER

    @property
    def is_open(self) -> bool:
        """Whether a message can be handed over without connecting first."""
        return self._replies is not None and self._replies.is_open

    def drop(self) -> None:
        """Close at once."""
        if self._replies is not None:
            self._replies.close()
            self._replies = None

    async def quit(self) -> None:
        """Close in an orderly way, as far as the server plays along."""
        try:
            if self._replies is not None and self._replies.is_open:
                self._replies.limit(GOODBYE)
                self._replies.write(b"QUIT\r\n", replies=1)
                await self._replies.read()
        except (NotSmtp, OSError):
            pass  # the server left first, which is as good
        finally:
            self.drop()

    async def deliver(self, message: Message) -> Answer:
        """Connect where needed and run the transaction; a kept connection that turns out dead is replaced once."""
        kept = self.is_open
        answer = await self._attempt(message)
        gone = kept and not self.is_open and self._stage is Stage.SENDER and answer.outcome is Outcome.RETRY
        return await self._attempt(message) if gone and answer.reason != "timeout" else answer

    async def _attempt(self, message: Message) -> Answer:
        replies = self._replies
        if replies is None or not replies.is_open:
            connection = await opened(self._options)
            if isinstance(connection, Answer):
                return connection
            replies = self._replies = connection.replies
            self._offers, self.sent = connection.offers, 0
        self._stage = Stage.SENDER
        try:
            return await self._transact(replies, message)
        except TimeoutError:
            return self._broken("timeout")
        except NotSmtp as error:
            return self._broken("protocol_error", str(error))
        except OSError:
            return self._broken("disconnected")

    def _broken(self, reason: str, detail: str = "") -> Answer:
        """Answer for a connection that is of no use any more: the stage tells what may have become of the message."""
        self.drop()
        outcome = Outcome.UNKNOWN if self._stage is Stage.SENT else Outcome.RETRY
        return Answer(outcome, reason, detail or f"at {self._stage.value}")

    async def _transact(self, replies: Replies, message: Message) -> Answer:
        envelope = envelope_commands(self._offers, message)
        if isinstance(envelope, Answer):
            return envelope
        commands = (*envelope, b"DATA\r\n")
        replies.limit(self._options.timeout)
        together = self._offers.pipelining
        if together:
            replies.write(b"".join(commands), replies=len(commands))
        for (stage, wanted), command in zip(_WANTED, commands, strict=True):
            self._stage = stage
            if not together:
                replies.write(command, replies=1)
            code, text = await replies.read()
            if code not in wanted:
                await self._clear(replies, code)
                return refused(stage, code, text)
        return await self._hand_over(replies, message.payload.mime)

    async def _hand_over(self, replies: Replies, body: bytes) -> Answer:
        octets = stuffed(body)
        if len(octets) > WHOLE:
            replies.write(octets, replies=0)
            await _flushed(replies)
            octets = b""
        replies.write(octets + b".\r\n", replies=1)
        self._stage = Stage.SENT
        replies.limit(self._options.answer_timeout)
        code, text = await replies.read()
        self.sent += 1
        if code == 250:
            return accepted(text)
        if not _is_refusal(code):
            self.drop()
        return refused(Stage.SENT, code, text)

    async def _clear(self, replies: Replies, refusal: int) -> None:
        """Clear the half transaction away; close the connection where that cannot be done.

        What was said of the message stands, however this goes.
        """
        cleared = False
        try:
            replies.limit(self._options.timeout)
            cleared = _is_refusal(refusal) and await _cleared(replies, refusal)
        except (NotSmtp, OSError):
            pass  # there is nothing to clear on a connection that is gone
        if not cleared:
            self.drop()


def _is_refusal(code: int) -> bool:
    """Tell whether a reply says no to one command and yes to further ones."""
    return 400 <= code < 600 and code != _CLOSING


async def _cleared(replies: Replies, refusal: int) -> bool:
    """End a half transaction in which ``refusal`` was the last reply; tell whether the server is ready for another.

    Commands that left with the refused one are answered too. A server that refuses the recipient and asks for the
    message all the same gets a lone dot (RFC 2920, 3.1); one that has a recipient might send that to somebody.

    Raises:
        OSError: the connection broke, or replies did not come in time.
        NotSmtp: something else than replies came.
    """
    codes = [refusal]
    while replies.expected:
        codes.append((await replies.read()).code)
    if _CLOSING in codes:
        return False
    if codes[-1] == _GO_ON:
        if not _is_refusal(codes[-2]):
            return False
        replies.write(b".\r\n", replies=1)
        return (await replies.read()).code != _CLOSING
    replies.write(b"RSET\r\n", replies=1)
    return (await replies.read()).code == 250


async def _flushed(replies: Replies) -> None:
    """Wait until everything written has left for the network.

    Raises:
        OSError: the connection broke before, or the time was up.
    """
    replies.check()
    while replies.unwritten:
        await asyncio.sleep(POLL)
        replies.check()
