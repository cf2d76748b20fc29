"""One SMTP connection and the mail transactions that run on it.

The transaction is driven here, because the answer depends on how far it came when a connection broke, and because
messages are built with their final line ends, so nothing has to be searched and copied again. Where the server offers
it, the commands of a transaction leave together (RFC 2920); the message follows only when all of them were answered.
"""

import asyncio

from adapters.base import Answer, Message, Outcome
from adapters.smtp_connect import connect
from adapters.smtp_options import SmtpOptions
from adapters.smtp_outcomes import SmtpStage, accepted, refused
from adapters.smtp_stream import NotSmtp, SmtpStream
from adapters.smtp_wire import Extensions, dot_stuffed, envelope_commands

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
_WANTED = ((SmtpStage.SENDER, (250,)), (SmtpStage.RECIPIENT, (250, 251)), (SmtpStage.CONTENT, (_GO_ON,)))
"""The stages up to the message and the replies that lead on."""


class SmtpConnection:
    """One connection, and the transaction that runs on it."""

    def __init__(self, options: SmtpOptions) -> None:
        self.sent = 0
        self._options = options
        self._stream: SmtpStream | None = None
        self._extensions = Extensions()
        self._stage = SmtpStage.SENDER

    @property
    def is_open(self) -> bool:
        """Whether a message can be handed over without connecting first."""
        return self._stream is not None and self._stream.is_open

    def drop(self) -> None:
        """Close at once."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def quit(self) -> None:
        """Close in an orderly way, as far as the server plays along."""
        try:
            if self._stream is not None and self._stream.is_open:
                self._stream.limit(GOODBYE)
                self._stream.write(b"QUIT\r\n", replies=1)
                await self._stream.read()
        except (NotSmtp, OSError):
            pass  # the server left first, which is as good
        finally:
            self.drop()

    async def deliver(self, message: Message) -> Answer:
        """Connect where needed and run the transaction; a kept connection that turns out dead is replaced once."""
        kept = self.is_open
        answer = await self._attempt(message)
        gone = kept and not self.is_open and self._stage is SmtpStage.SENDER and answer.outcome is Outcome.RETRY
        return await self._attempt(message) if gone and answer.reason != "timeout" else answer

    async def _attempt(self, message: Message) -> Answer:
        stream = self._stream
        if stream is None or not stream.is_open:
            connection = await connect(self._options)
            if isinstance(connection, Answer):
                return connection
            stream = self._stream = connection.stream
            self._extensions, self.sent = connection.extensions, 0
        self._stage = SmtpStage.SENDER
        try:
            return await self._transact(stream, message)
        except TimeoutError:
            return self._broken("timeout")
        except NotSmtp as error:
            return self._broken("protocol_error", str(error))
        except OSError:
            return self._broken("disconnected")

    def _broken(self, reason: str, detail: str = "") -> Answer:
        """Answer for a connection that is of no use any more: the stage tells what may have become of the message."""
        self.drop()
        outcome = Outcome.UNKNOWN if self._stage is SmtpStage.SENT else Outcome.RETRY
        return Answer(outcome, reason, detail or f"at {self._stage.value}")

    async def _transact(self, stream: SmtpStream, message: Message) -> Answer:
        envelope = envelope_commands(self._extensions, message)
        if isinstance(envelope, Answer):
            return envelope
        commands = (*envelope, b"DATA\r\n")
        stream.limit(self._options.timeout)
        together = self._extensions.pipelining
        if together:
            stream.write(b"".join(commands), replies=len(commands))
        for (stage, wanted), command in zip(_WANTED, commands, strict=True):
            self._stage = stage
            if not together:
                stream.write(command, replies=1)
            code, text = await stream.read()
            if code not in wanted:
                await self._clear(stream, code)
                return refused(stage, code, text)
        return await self._hand_over(stream, message.payload.mime)

    async def _hand_over(self, stream: SmtpStream, body: bytes) -> Answer:
        octets = dot_stuffed(body)
        if len(octets) > WHOLE:
            stream.write(octets, replies=0)
            await _flushed(stream)
            octets = b""
        stream.write(octets + b".\r\n", replies=1)
        self._stage = SmtpStage.SENT
        stream.limit(self._options.answer_timeout)
        code, text = await stream.read()
        self.sent += 1
        if code == 250:
            return accepted(text)
        if not _is_refusal(code):
            self.drop()
        return refused(SmtpStage.SENT, code, text)

    async def _clear(self, stream: SmtpStream, refusal: int) -> None:
        """Clear the half transaction away; close the connection where that cannot be done.

        What was said of the message stands, however this goes.
        """
        cleared = False
        try:
            stream.limit(self._options.timeout)
            cleared = _is_refusal(refusal) and await _cleared(stream, refusal)
        except (NotSmtp, OSError):
            pass  # there is nothing to clear on a connection that is gone
        if not cleared:
            self.drop()


def _is_refusal(code: int) -> bool:
    """Tell whether a reply says no to one command and yes to further ones."""
    return 400 <= code < 600 and code != _CLOSING


async def _cleared(stream: SmtpStream, refusal: int) -> bool:
    """End a half transaction in which ``refusal`` was the last reply; tell whether the server is ready for another.

    Commands that left with the refused one are answered too. A server that refuses the recipient and asks for the
    message all the same gets a lone dot (RFC 2920, 3.1); one that has a recipient might send that to somebody.

    Raises:
        OSError: the connection broke, or replies did not come in time.
        NotSmtp: something else than replies came.
    """
    codes = [refusal]
    while stream.expected:
        codes.append((await stream.read()).code)
    if _CLOSING in codes:
        return False
    if codes[-1] == _GO_ON:
        if not _is_refusal(codes[-2]):
            return False
        stream.write(b".\r\n", replies=1)
        return (await stream.read()).code != _CLOSING
    stream.write(b"RSET\r\n", replies=1)
    return (await stream.read()).code == 250


async def _flushed(stream: SmtpStream) -> None:
    """Wait until everything written has left for the network.

    Raises:
        OSError: the connection broke before, or the time was up.
    """
    stream.check()
    while stream.unwritten:
        await asyncio.sleep(POLL)
        stream.check()
