"""Opens an SMTP connection with aiosmtplib (connect, greet, encrypt, log in) and classifies failures."""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass

import aiosmtplib

from adapters.base import Answer, Outcome
from adapters.smtp.options import SmtpOptions
from adapters.smtp.reply import shown
from adapters.smtp.stream import SmtpStream
from adapters.smtp.wire import Extensions

_NEW_PASSWORD_NEEDED = 432
"""The 4xx reply to a login that no retry mends (RFC 4954)."""


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """A connection that is ready for mail, and what its server supports."""

    stream: SmtpStream
    extensions: Extensions


async def connect(options: SmtpOptions) -> OpenConnection | Answer:
    """Open a connection within ``options.timeout``; if that fails, return an answer that says why."""
    client: aiosmtplib.SMTP | None = None
    result: OpenConnection | Answer
    try:
        async with asyncio.timeout(options.timeout):
            client = _client(options)
            await client.connect()
            await _greet(client)
            result = await _encrypt(client, options) or await _log_in(client, options) or _take_over(client)
    except TimeoutError:
        result = _down(options, "connection_timeout", "did not answer in time")
    except aiosmtplib.SMTPResponseException as error:
        result = _not_let_in(options, error)
    except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
        cause = error.__cause__ or error
        reason = "tls_failed" if isinstance(cause, ssl.SSLError) else "connection_failed"
        result = _down(options, reason, _why(cause))
    except BaseException:
        if client is not None:
            client.close()
        raise
    if client is not None and isinstance(result, Answer):
        client.close()
    return result


def _client(options: SmtpOptions) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=options.host,
        port=options.port,
        local_hostname=options.hello_name or socket.gethostname() or "localhost",
        timeout=options.timeout,
        use_tls=options.security == "tls",
        start_tls=False,  # done in _encrypt, to tell its failures apart
        tls_context=None if options.security == "none" else _tls(options),
    )


def _tls(options: SmtpOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.ca_file)
    if not options.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Send EHLO, or HELO to a server that does not know EHLO."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


async def _encrypt(client: aiosmtplib.SMTP, options: SmtpOptions) -> Answer | None:
    if options.security != "starttls":
        return None
    if not client.supports_extension("starttls"):
        return _down(options, "starttls_unsupported", 'offers no STARTTLS; set security = "tls" or another port')
    try:
        await client.starttls()
    except aiosmtplib.SMTPResponseException as error:
        return _down(options, "tls_failed", f"answers STARTTLS with {shown(error.code, error.message)}")
    await _greet(client)
    return None


async def _log_in(client: aiosmtplib.SMTP, options: SmtpOptions) -> Answer | None:
    """Log in if a username is set. The server's reply to credentials is not logged, because it may echo them."""
    if not options.username:
        return None
    try:
        await client.login(options.username, options.password.get_secret_value())
    except aiosmtplib.SMTPAuthenticationError as error:
        reason = "auth_failed" if error.code >= 500 or error.code == _NEW_PASSWORD_NEEDED else "auth_unavailable"
        return _down(options, reason, f"answers {error.code} to the login; check username and password")
    except aiosmtplib.SMTPServerDisconnected:
        return _down(options, "auth_failed", "closed the connection during login")
    except aiosmtplib.SMTPException:
        return _down(options, "auth_unsupported", "offers no supported way to log in")
    return None


def _not_let_in(options: SmtpOptions, error: aiosmtplib.SMTPResponseException) -> Answer:
    """Return why the server refuses the connection itself, or the name that we gave."""
    detail = f"answers {shown(error.code, error.message)}"
    if error.code < 500:
        return _down(options, "service_unavailable", detail)
    if isinstance(error, aiosmtplib.SMTPHeloError):
        return _down(options, "hello_refused", f"{detail} to EHLO and HELO")
    # No login, sender or recipient was named yet, so a security code can only be about the address we call from.
    subject = re.match(r"\s*5\.(\d+)\.", error.message)
    return _down(options, "ip_blocked" if subject and subject[1] == "7" else "greeting_refused", detail)


def _take_over(client: aiosmtplib.SMTP) -> OpenConnection:
    """Take the connection over from aiosmtplib, which does not see any further replies."""
    transport = client.transport
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    extensions = Extensions(
        size=client.supports_extension("size"),
        smtputf8=client.supports_extension("smtputf8"),
        pipelining=client.supports_extension("pipelining"),
    )
    return OpenConnection(SmtpStream(transport), extensions)


def _down(options: SmtpOptions, reason: str, detail: str) -> Answer:
    return Answer(Outcome.ADAPTER_DOWN, reason, f"{options.host}:{options.port} {detail}")


def _why(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
