"""One SMTP connection, and the mail transactions that run on it.

We drive the transaction ourselves, because the outcome depends on how far it got when a connection broke, and because
messages are built with their final line endings, so they need not be scanned and copied again. If the server supports
pipelining (RFC 2920), the commands of a transaction are sent together; the message follows once all were answered.
"""

import asyncio

from adapters.base import Answer, Departing, Message, Outcome
from adapters.smtp.codes import CLOSING
from adapters.smtp.connect import connect
from adapters.smtp.options import SmtpOptions
from adapters.smtp.outcomes import accepted, refused
from adapters.smtp.reply import Refusal, SmtpStage
from adapters.smtp.stream import NotSmtp, SmtpStream
from adapters.smtp.wire import Extensions, dot_stuffed, envelope_commands

WHOLE = 64 * 1024
"""Up to this many octets, a message and its final dot are written together; the dot of a longer one is held back until
the rest has been sent."""
POLL = 0.005
"""Seconds between checks of how much of a long message is still unwritten."""
GOODBYE = 5.0
"""Seconds that the server has to answer QUIT."""

_GO_ON = 354
"""The reply to DATA that asks for the message."""
_WANTED = ((SmtpStage.SENDER, (250,)), (SmtpStage.RECIPIENT, (250, 251)), (SmtpStage.CONTENT, (_GO_ON,)))
"""The stages before the message, and the replies that let a transaction continue."""

_MAY_BE_STALE = (Outcome.RETRY, Outcome.SENDING_REFUSED)
"""What the first command on a kept connection gets if the server has closed it, or is closing it."""


class SmtpConnection:
    """One connection. It runs one transaction at a time; ``sent`` counts the messages sent on it."""

    def __init__(self, options: SmtpOptions) -> None:
        self.sent = 0
        self._options = options
        self._stream: SmtpStream | None = None
        self._extensions = Extensions()
        self._stage = SmtpStage.SENDER
        self._departing: Departing | None = None

    @property
    def is_open(self) -> bool:
        """Whether a message can be sent without connecting first."""
        return self._stream is not None and self._stream.is_open

    def drop(self) -> None:
        """Close without QUIT."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def quit(self) -> None:
        """Send QUIT and close, whether or not the server answers."""
        try:
            if self._stream is not None and self._stream.is_open:
                self._stream.limit(GOODBYE)
                self._stream.write(b"QUIT\r\n", replies=1)
                await self._stream.read()
        except (NotSmtp, OSError):
            pass  # the server closed first, which is as good
        finally:
            self.drop()

    async def deliver(self, message: Message, departing: Departing) -> Answer:
        """Connect if needed and run the transaction; replace a kept connection once if it turns out to be dead.

        ``departing`` is called just before the end of the message is written.
        """
        self._departing = departing
        kept = self.is_open
        answer = await self._attempt(message)
        gone = kept and not self.is_open and self._stage is SmtpStage.SENDER and answer.outcome in _MAY_BE_STALE
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
        """Drop an unusable connection; return the outcome, which depends on the stage that the transaction reached."""
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
                return refused(Refusal(stage, code, text, message.recipient))
        return await self._hand_over(stream, message)

    async def _hand_over(self, stream: SmtpStream, message: Message) -> Answer:
        octets = dot_stuffed(message.payload.mime)
        if len(octets) > WHOLE:
            stream.write(octets, replies=0)
            await _flushed(stream)
            octets = b""
        if self._departing is not None:
            self._departing()
        stream.write(octets + b".\r\n", replies=1)
        self._stage = SmtpStage.SENT
        stream.limit(self._options.answer_timeout)
        code, text = await stream.read()
        self.sent += 1
        if code == 250:
            return accepted(text)
        if not _is_refusal(code):
            self.drop()
        return refused(Refusal(SmtpStage.SENT, code, text, message.recipient))

    async def _clear(self, stream: SmtpStream, refusal: int) -> None:
        """Abort the partial transaction; drop the connection if that fails.

        The answer about the message stands either way.
        """
        cleared = False
        try:
            stream.limit(self._options.timeout)
            cleared = _is_refusal(refusal) and await _cleared(stream, refusal)
        except (NotSmtp, OSError):
            pass  # a lost connection has nothing left to abort
        if not cleared:
            self.drop()


def _is_refusal(code: int) -> bool:
    """Return whether a reply refuses one command but allows further ones."""
    return 400 <= code < 600 and code != CLOSING


async def _cleared(stream: SmtpStream, refusal: int) -> bool:
    """Abort a transaction in which ``refusal`` was the last reply; return whether the server is ready for another.

    Commands that were pipelined with the refused one are answered too. A server that refuses the recipient but still
    asks for the message gets a lone dot (RFC 2920, 3.1); one that has accepted a recipient might deliver that.

    Raises:
        OSError: the connection broke, or the replies did not come in time.
        NotSmtp: something other than a reply came.
    """
    codes = [refusal]
    while stream.expected:
        codes.append((await stream.read()).code)
    if CLOSING in codes:
        return False
    if codes[-1] == _GO_ON:
        if not _is_refusal(codes[-2]):
            return False
        stream.write(b".\r\n", replies=1)
        return (await stream.read()).code != CLOSING
    stream.write(b"RSET\r\n", replies=1)
    return (await stream.read()).code == 250


async def _flushed(stream: SmtpStream) -> None:
    """Wait until everything written has been sent to the network.

    Raises:
        OSError: the connection broke before that, or the time ran out.
    """
    stream.check()
    while stream.unwritten:
        await asyncio.sleep(POLL)
        stream.check()
