"""One SMTP connection and the mail transactions that run on it.

aiosmtplib connects, greets, encrypts and logs in. The transaction itself is driven here, one command after the other,
because the answer depends on how far it came when a connection broke, and because messages are built with their final
line ends, so nothing has to be searched and copied again.
"""

import asyncio
import socket
import ssl

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from adapters.base import Answer, Message, Outcome
from adapters.smtp_answers import Stage, accepted, refused
from adapters.smtp_options import SmtpOptions
from adapters.smtp_wire import envelope_commands, stuffed

WHOLE = 64 * 1024
"""Octets of a message that are written with their final dot at once; a longer one waits until it is on its way."""
POLL = 0.005
"""Seconds between looks at how much of a long message is still to be written."""
GOODBYE = 5.0
"""Seconds that a server has to answer QUIT."""


class Line:
    """One connection, and the transaction that runs on it."""

    def __init__(self, options: SmtpOptions) -> None:
        self.sent = 0
        self._options = options
        self._client: aiosmtplib.SMTP | None = None
        self._stage = Stage.SENDER

    @property
    def is_open(self) -> bool:
        """Whether a message can be handed over without connecting first."""
        return self._client is not None and self._client.is_connected

    def drop(self) -> None:
        """Close at once."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def quit(self) -> None:
        """Close in an orderly way, as far as the server plays along."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if client.is_connected:
                await client.quit(timeout=GOODBYE)
        except (aiosmtplib.SMTPException, OSError):
            pass  # the server left first, which is as good
        finally:
            client.close()

    async def deliver(self, message: Message) -> Answer:
        """Connect where needed and run the transaction; a kept connection that turns out dead is replaced once."""
        kept = self.is_open
        answer = await self._attempt(message)
        gone = kept and not self.is_open and self._stage is Stage.SENDER and answer.outcome is Outcome.RETRY
        return await self._attempt(message) if gone and answer.reason != "timeout" else answer

    async def _attempt(self, message: Message) -> Answer:
        if not self.is_open:
            trouble = await self._open()
            if trouble is not None:
                self.drop()
                return trouble
        self._stage = Stage.SENDER
        try:
            async with asyncio.timeout(self._options.timeout) as limit:
                return await self._transact(message, limit)
        except TimeoutError:
            return self._broken("timeout")
        except (aiosmtplib.SMTPServerDisconnected, ConnectionError):
            return self._broken("disconnected")
        except (aiosmtplib.SMTPException, OSError) as error:
            return self._broken("protocol_error", type(error).__name__)

    def _broken(self, reason: str, detail: str = "") -> Answer:
        """Answer for a connection that is of no use any more: the stage tells what may have become of the message."""
        self.drop()
        outcome = Outcome.UNKNOWN if self._stage is Stage.SENT else Outcome.RETRY
        return Answer(outcome, reason, detail or f"at {self._stage.value}")

    async def _transact(self, message: Message, limit: asyncio.Timeout) -> Answer:
        client = self._client
        if client is None or client.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("not connected")
        protocol = client.protocol
        envelope = envelope_commands(client, message)
        if isinstance(envelope, Answer):
            return envelope
        sender, recipient = envelope
        for stage, command, wanted in (
            (Stage.SENDER, sender, (250,)),
            (Stage.RECIPIENT, recipient, (250, 251)),
            (Stage.CONTENT, b"DATA\r\n", (354,)),
        ):
            self._stage = stage
            protocol.write(command)
            code, text = await protocol.read_response()
            if code not in wanted:
                return await self._refuse(client, code, text)
        return await self._hand_over(protocol, message.body, limit)

    async def _hand_over(self, protocol: SMTPProtocol, body: bytes, limit: asyncio.Timeout) -> Answer:
        octets = stuffed(body)
        if len(octets) > WHOLE:
            protocol.write(octets)
            await _flushed(protocol)
            octets = b""
        protocol.write(octets + b".\r\n")
        self._stage = Stage.SENT
        limit.reschedule(asyncio.get_running_loop().time() + self._options.answer_timeout)
        code, text = await protocol.read_response()
        self.sent += 1
        if code == 250:
            return accepted(text)
        if not 400 <= code < 600 or code == 421:
            self.drop()
        return refused(Stage.SENT, code, text)

    async def _refuse(self, client: aiosmtplib.SMTP, code: int, text: str) -> Answer:
        """Classify, and clear the half transaction away."""
        answer = refused(self._stage, code, text)
        if code == 421 or not 400 <= code < 600:
            self.drop()
            return answer
        try:
            await client.rset(timeout=self._options.timeout)
        except (aiosmtplib.SMTPException, OSError):
            self.drop()
        return answer

    async def _open(self) -> Answer | None:
        """Connect, greet, encrypt, log in; say what went wrong, else None."""
        self.sent = 0
        try:
            async with asyncio.timeout(self._options.timeout):
                self._client = connection(self._options)
                await self._client.connect()
                await greet(self._client)
                return await self._encrypt(self._client) or await self._log_in(self._client)
        except TimeoutError:
            return self._down("connection_timeout", "does not answer in time")
        except aiosmtplib.SMTPResponseException as error:
            return self._down("greeting_refused", f"answers {error.code}")
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            cause = error.__cause__ or error
            return self._down("tls_failed" if isinstance(cause, ssl.SSLError) else "connection_failed", _why(cause))

    async def _encrypt(self, client: aiosmtplib.SMTP) -> Answer | None:
        if self._options.security != "starttls":
            return None
        if not client.supports_extension("starttls"):
            return self._down("starttls_unsupported", 'offers no STARTTLS; set security = "tls" or another port')
        await client.starttls()
        await greet(client)
        return None

    async def _log_in(self, client: aiosmtplib.SMTP) -> Answer | None:
        """Log in where a username is set. What the server says to credentials is not repeated: it may echo them."""
        options = self._options
        if not options.username:
            return None
        try:
            await client.login(options.username, options.password.get_secret_value())
        except aiosmtplib.SMTPAuthenticationError as error:
            reason = "auth_failed" if error.code >= 500 else "auth_unavailable"
            return self._down(reason, f"answers {error.code} to the log-in; check username and password")
        except aiosmtplib.SMTPServerDisconnected:
            return self._down("auth_failed", "hangs up at the log-in")
        except aiosmtplib.SMTPException:
            return self._down("auth_unsupported", "offers no way to log in that we know")
        return None

    def _down(self, reason: str, detail: str) -> Answer:
        return Answer(Outcome.ADAPTER_DOWN, reason, f"{self._options.host}:{self._options.port} {detail}")


def _why(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def connection(options: SmtpOptions) -> aiosmtplib.SMTP:
    """Return a client that is not connected yet."""
    return aiosmtplib.SMTP(
        hostname=options.host,
        port=options.port,
        local_hostname=options.hello_name or socket.gethostname() or "localhost",
        timeout=options.timeout,
        use_tls=options.security == "tls",
        start_tls=False,  # done by hand, to tell its failures apart
        tls_context=None if options.security == "none" else _tls(options),
    )


def _tls(options: SmtpOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.ca_file)
    if not options.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def greet(client: aiosmtplib.SMTP) -> None:
    """Say EHLO, or HELO to a server that knows no better."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


async def _flushed(protocol: SMTPProtocol) -> None:
    """Wait until everything written has left for the network.

    Raises:
        SMTPServerDisconnected: the connection broke before.
    """
    while True:
        transport = protocol.transport
        if not isinstance(transport, asyncio.WriteTransport) or transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        if not transport.get_write_buffer_size():
            return
        await asyncio.sleep(POLL)
