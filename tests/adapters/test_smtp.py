import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from adapters.base import Answer, Message, Outcome
from adapters.smtp.adapter import SmtpAdapter, SmtpOptions
from tests.adapters.emails import BODY, SECRET, message
from tests.adapters.scripted_smtp import DROP, LATER, SILENCE, ScriptedSmtp


def options(server: ScriptedSmtp, **changes: object) -> SmtpOptions:
    usual: dict[str, object] = {"host": "127.0.0.1", "port": server.port, "security": "none", "connections": 3}
    return SmtpOptions.model_validate({**usual, "timeout": 5.0, "hello_name": "client.example.com", **changes})


@dataclass
class Connected:
    adapter: SmtpAdapter
    server: ScriptedSmtp

    def arrived(self) -> list[bytes]:
        return self.server.messages


@asynccontextmanager
async def connected(server: ScriptedSmtp, **changes: object) -> AsyncIterator[Connected]:
    async with server, SmtpAdapter(options(server, **changes)) as adapter:
        yield Connected(adapter, server)


def exchange(server: ScriptedSmtp, *messages: Message, **changes: object) -> list[Answer]:
    """Hand messages over one after the other and return the answers."""

    async def run() -> list[Answer]:
        async with connected(server, **changes) as bench:
            return [await bench.adapter.send(each) for each in messages or (message(),)]

    return asyncio.run(run())


REPLIES = [
    ("MAIL", "421 4.3.2 going down", Outcome.SENDING_REFUSED, "service_unavailable"),
    ("MAIL", "450 4.7.1 not now", Outcome.SENDING_REFUSED, "sender_deferred"),
    ("MAIL", "530 5.7.0 log in first", Outcome.SENDING_REFUSED, "not_authorised"),
    ("MAIL", "550 5.7.1 sender not owned", Outcome.SENDING_REFUSED, "sender_refused"),
    ("MAIL", "552 5.3.4 too big", Outcome.REJECTED, "message_unsuitable"),
    ("RCPT", "421 4.7.0 too many", Outcome.SENDING_REFUSED, "service_unavailable"),
    ("RCPT", "450 4.2.0 greylisted", Outcome.RETRY, "greylisted"),
    ("RCPT", "452 4.2.2 full", Outcome.RETRY, "mailbox_full"),
    ("RCPT", "550 5.1.1 no such user", Outcome.REJECTED, "mailbox_unavailable"),
    ("RCPT", "552 5.2.2 full", Outcome.REJECTED, "mailbox_full"),
    ("RCPT", "554 5.7.1 Relay access denied", Outcome.SENDING_REFUSED, "not_authorised"),
    ("RCPT", "554 5.7.1 blocked by policy", Outcome.REJECTED, "policy_refused"),
    ("RCPT", "999 what", Outcome.RETRY, "protocol_error"),
    ("DATA", "451 4.3.0 later", Outcome.RETRY, "content_deferred"),
    ("DATA", "554 5.5.1 no", Outcome.REJECTED, "content_refused"),
    ("DATA", "250 what", Outcome.RETRY, "protocol_error"),
    ("DOT", "421 4.3.2 going down", Outcome.SENDING_REFUSED, "service_unavailable"),
    ("DOT", "452 4.3.1 disk full", Outcome.SENDING_REFUSED, "service_unavailable"),
    ("DOT", "550 5.7.1 spam", Outcome.REJECTED, "content_refused"),
    ("DOT", "552 5.3.4 too big", Outcome.REJECTED, "message_unsuitable"),
    ("DOT", "354 what", Outcome.UNKNOWN, "protocol_error"),
    ("DOT", "not a reply", Outcome.UNKNOWN, "protocol_error"),
]


EXTENSIONS = pytest.mark.parametrize("extensions", [("SIZE",), ("SIZE", "PIPELINING")], ids=["plain", "pipelined"])


@EXTENSIONS
@pytest.mark.parametrize(("verb", "reply", "outcome", "reason"), REPLIES)
def test_classifies_replies_and_serves_the_next(
    verb: str, reply: str, outcome: Outcome, reason: str, extensions: tuple[str, ...]
) -> None:
    server = ScriptedSmtp({verb: [reply]}, extensions=extensions)
    first, second = exchange(server, message(), message("action-2", "bob@example.org"))
    assert (first.outcome, first.reason) == (outcome, reason)
    assert second.outcome is Outcome.ACCEPTED
    assert server.messages[-1] == BODY


@EXTENSIONS
@pytest.mark.parametrize(
    ("verb", "outcome", "reason"),
    [
        ("GREETING", Outcome.ADAPTER_DOWN, "connection_failed"),
        ("EHLO", Outcome.ADAPTER_DOWN, "connection_failed"),
        ("MAIL", Outcome.RETRY, "disconnected"),
        ("RCPT", Outcome.RETRY, "disconnected"),
        ("DATA", Outcome.RETRY, "disconnected"),
        ("DOT", Outcome.UNKNOWN, "disconnected"),
    ],
)
def test_classifies_disconnects(verb: str, outcome: Outcome, reason: str, extensions: tuple[str, ...]) -> None:
    server = ScriptedSmtp({verb: [DROP]}, extensions=extensions)
    first, second = exchange(server, message(), message("action-2"))
    assert (first.outcome, first.reason) == (outcome, reason)
    assert second.outcome is Outcome.ACCEPTED
    assert server.connections == 2


@EXTENSIONS
@pytest.mark.parametrize(
    ("verb", "outcome", "reason"),
    [
        ("GREETING", Outcome.ADAPTER_DOWN, "connection_timeout"),
        ("MAIL", Outcome.RETRY, "timeout"),
        ("RCPT", Outcome.RETRY, "timeout"),
        ("DATA", Outcome.RETRY, "timeout"),
        ("DOT", Outcome.UNKNOWN, "timeout"),
    ],
)
def test_classifies_silence(verb: str, outcome: Outcome, reason: str, extensions: tuple[str, ...]) -> None:
    answers = exchange(ScriptedSmtp({verb: [SILENCE]}, extensions=extensions), timeout=0.2, answer_timeout=0.2)
    assert (answers[0].outcome, answers[0].reason) == (outcome, reason)


def test_a_slow_250_is_a_250() -> None:
    async def run() -> Answer:
        server = ScriptedSmtp({"DOT": [LATER]})
        async with connected(server, timeout=0.2, answer_timeout=30.0) as bench:
            sending = asyncio.create_task(bench.adapter.send(message()))
            await server.silent.wait()
            _, late = await asyncio.wait([sending], timeout=0.4)
            assert late == {sending}
            server.release()
            return await sending

    assert asyncio.run(run()).outcome is Outcome.ACCEPTED


def test_a_long_message_cut_off_before_its_end_is_safe_to_repeat() -> None:
    long = message(body=BODY + b"x" * 70 + b"\r\n" + b"0123456789abcdef\r\n" * 1_000_000)
    answers = exchange(ScriptedSmtp(size_read=10_000), long)
    assert (answers[0].outcome, answers[0].reason) == (Outcome.RETRY, "disconnected")


def test_a_server_that_stops_reading_a_long_message_is_given_up() -> None:
    long = message(body=BODY + b"0123456789abcdef\r\n" * 1_000_000)
    answers = exchange(ScriptedSmtp({"BODY": [SILENCE]}), long, timeout=0.3)
    assert (answers[0].outcome, answers[0].reason) == (Outcome.RETRY, "timeout")


def test_every_message_has_the_whole_time() -> None:
    async def run() -> list[Answer]:
        server = ScriptedSmtp({"MAIL": ["250 ok", LATER]})
        async with connected(server, timeout=1.0) as bench:
            first = await bench.adapter.send(message())
            reached = asyncio.create_task(server.silent.wait())
            await asyncio.wait([reached], timeout=0.7)
            sending = asyncio.create_task(bench.adapter.send(message("action-2")))
            await asyncio.wait([sending], timeout=0.6)
            server.release()
            return [first, await sending]

    assert [answer.outcome for answer in asyncio.run(run())] == [Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_a_long_message_arrives_whole() -> None:
    server = ScriptedSmtp()
    body = BODY + b".0123456789abcdef\r\n" * 100_000
    assert exchange(server, message(body=body))[0].outcome is Outcome.ACCEPTED
    assert server.messages == [body]


def test_bare_line_ends_cannot_smuggle_a_second_message() -> None:
    server = ScriptedSmtp()
    exchange(server, message(body=b"Subject: x\r\n\r\nhi\n.\nMAIL FROM:<eve@example.com>\r.\r\r\nend"))
    assert server.messages == [b"Subject: x\r\n\r\nhi\r\n.\r\nMAIL FROM:<eve@example.com>\r\n.\r\n\r\nend\r\n"]
    assert server.verbs().count("MAIL") == 1


def test_keeps_connections_and_says_goodbye() -> None:
    server = ScriptedSmtp()
    exchange(server, *(message(f"action-{number}") for number in range(5)))
    assert server.connections == 1
    assert server.verbs()[-1] == "QUIT"


def test_reconnects_after_so_many_messages() -> None:
    server = ScriptedSmtp()
    exchange(server, *(message(f"action-{number}") for number in range(5)), messages_per_connection=2)
    assert server.connections == 3
    assert server.verbs().count("QUIT") == 3


def test_clears_half_a_transaction() -> None:
    server = ScriptedSmtp({"RCPT": ["550 5.1.1 no such user"]})
    exchange(server, message(), message("action-2"))
    assert server.connections == 1
    assert server.verbs()[1:] == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


@EXTENSIONS
@pytest.mark.parametrize("reply", ["421 4.4.2 idle for too long", DROP])
def test_replaces_a_kept_connection_that_went_stale(reply: str, extensions: tuple[str, ...]) -> None:
    server = ScriptedSmtp({"MAIL": ["250 ok", reply]}, extensions=extensions)
    answers = exchange(server, message(), message("action-2"))
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert server.connections == 2


def test_opens_no_more_connections_than_allowed() -> None:
    async def run() -> int:
        async with connected(ScriptedSmtp(), connections=2) as bench:
            await asyncio.gather(*(bench.adapter.send(message(f"action-{number}")) for number in range(20)))
            return bench.server.connections

    assert asyncio.run(run()) == 2


def test_a_hand_off_cancelled_midway_drops_its_connection() -> None:
    async def run() -> list[str]:
        server = ScriptedSmtp({"RCPT": [SILENCE]})
        async with connected(server) as bench:
            sending = asyncio.create_task(bench.adapter.send(message()))
            await server.silent.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert (await bench.adapter.send(message("action-2"))).outcome is Outcome.ACCEPTED
            assert server.connections == 2
            return server.verbs()

    assert "RSET" not in asyncio.run(run())


def test_closing_waits_for_no_dead_server() -> None:
    assert exchange(ScriptedSmtp({"QUIT": [DROP]}))[0].outcome is Outcome.ACCEPTED


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        chosen = SmtpOptions(host="127.0.0.1", port=taken.getsockname()[1], security="none", timeout=5)

        async def run() -> Answer:
            async with SmtpAdapter(chosen) as adapter:
                return await adapter.send(message())

        answer = asyncio.run(run())
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "connection_failed")
    assert "127.0.0.1" in answer.detail


@pytest.mark.parametrize(
    ("script", "extensions", "reason"),
    [
        ({"GREETING": ["554 no mail here"]}, ("AUTH PLAIN",), "greeting_refused"),
        ({"GREETING": ["554 5.7.1 go away, 127.0.0.1"]}, ("AUTH PLAIN",), "ip_blocked"),
        ({"GREETING": ["421 4.3.2 busy"]}, ("AUTH PLAIN",), "service_unavailable"),
        ({"EHLO": ["504 5.5.2 no"], "HELO": ["504 5.5.2 no full name"]}, ("AUTH PLAIN",), "hello_refused"),
        ({"AUTH": ["535 5.7.8 no"]}, ("AUTH PLAIN",), "auth_failed"),
        ({"AUTH": ["454 4.7.0 later"]}, ("AUTH PLAIN",), "auth_unavailable"),
        ({"AUTH": ["534 5.7.14 log in with a browser first"]}, ("AUTH PLAIN",), "auth_failed"),
        ({"AUTH": ["432 4.7.12 a new password is needed"]}, ("AUTH PLAIN",), "auth_failed"),
        ({"AUTH": [DROP]}, ("AUTH PLAIN",), "auth_failed"),
        ({}, (), "auth_unsupported"),
        ({}, ("AUTH GSSAPI",), "auth_unsupported"),
    ],
)
def test_a_server_that_does_not_let_us_in(
    script: dict[str, list[str]], extensions: tuple[str, ...], reason: str
) -> None:
    answer = exchange(ScriptedSmtp(script, extensions=extensions), username="mailer", password=SECRET)[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, reason)
    assert SECRET not in answer.detail


def test_an_old_server_that_knows_no_ehlo() -> None:
    server = ScriptedSmtp({"EHLO": ["502 5.5.1 what"]})
    assert exchange(server)[0].outcome is Outcome.ACCEPTED
    assert "HELO" in server.verbs()


@dataclass(frozen=True)
class Certificates:
    server: ssl.SSLContext
    trusted: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusted = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    return Certificates(context, trusted)


def secured(certificates: Certificates) -> ScriptedSmtp:
    return ScriptedSmtp(extensions=("STARTTLS", "AUTH LOGIN PLAIN"), tls=certificates.server)


def test_encrypts_before_it_logs_in(certificates: Certificates) -> None:
    server = secured(certificates)
    trust = {"security": "starttls", "ca_file": certificates.trusted}
    answer = exchange(server, username="mailer", password=SECRET, **trust)[0]
    assert answer.outcome is Outcome.ACCEPTED
    assert server.verbs()[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


def test_refuses_a_certificate_that_nobody_signed(certificates: Certificates) -> None:
    server = secured(certificates)
    answer = exchange(server, security="starttls", username="mailer", password=SECRET)[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "tls_failed")
    assert "not trusted" in answer.detail
    assert "AUTH" not in server.verbs()


def test_takes_any_certificate_where_told_to(certificates: Certificates) -> None:
    answer = exchange(secured(certificates), security="starttls", verify_certificate=False)[0]
    assert answer.outcome is Outcome.ACCEPTED


def test_does_without_a_promised_encryption_never() -> None:
    server = ScriptedSmtp()
    answer = exchange(server, security="starttls")[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "starttls_unsupported")
    assert "MAIL" not in server.verbs()


def test_a_server_without_a_certificate_of_its_own() -> None:
    server = ScriptedSmtp({"STARTTLS": ["454 4.7.0 not available"]}, extensions=("STARTTLS",))
    answer = exchange(server, security="starttls")[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "tls_failed")
    assert "454 4.7.0 not available" in answer.detail
    assert "MAIL" not in server.verbs()


def test_tls_to_a_server_that_speaks_none() -> None:
    answer = exchange(ScriptedSmtp(), security="tls", timeout=5.0)[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "tls_failed")


def test_a_missing_certificate_file_is_a_reason(tmp_path: Path) -> None:
    answer = exchange(ScriptedSmtp(), security="tls", ca_file=tmp_path / "missing.pem")[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "connection_failed")
    assert "No such file" in answer.detail


def test_says_smtputf8_where_the_server_knows_it() -> None:
    server = ScriptedSmtp(extensions=("SMTPUTF8", "8BITMIME"))
    assert exchange(server, message(recipient="用户@example.org"))[0].outcome is Outcome.ACCEPTED
    assert "MAIL FROM:<bounce@example.com> SMTPUTF8 BODY=8BITMIME" in server.commands
    assert "RCPT TO:<用户@example.org>" in server.commands


def test_refuses_what_the_server_cannot_address() -> None:
    first, second = exchange(ScriptedSmtp(), message(recipient="用户@example.org"), message("action-2"))
    assert (first.outcome, first.reason) == (Outcome.REJECTED, "smtputf8_unsupported")
    assert second.outcome is Outcome.ACCEPTED


def test_spells_an_international_domain_in_ascii() -> None:
    server = ScriptedSmtp()
    assert exchange(server, message(recipient="ann@bücher.example"))[0].outcome is Outcome.ACCEPTED
    assert "RCPT TO:<ann@xn--bcher-kva.example>" in server.commands


def test_one_version_of_idna_in_the_envelope() -> None:
    server = ScriptedSmtp()
    exchange(server, message(recipient="ann@straße.example"))
    assert "RCPT TO:<ann@xn--strae-oqa.example>" in server.commands


def test_a_sender_that_the_server_cannot_write_is_no_fault_of_the_message() -> None:
    sent = replace(message(), sender="käthe@example.com")
    answer = exchange(ScriptedSmtp(), sent)[0]
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "smtputf8_unsupported")


def test_repeats_no_address_in_its_answer() -> None:
    answer = exchange(ScriptedSmtp({"RCPT": ["550 5.1.1 <ann@example.org>: no such user\x07 here"]}))[0]
    assert answer.detail == "550 5.1.1 … no such user here"


def test_names_the_queue_id() -> None:
    assert exchange(ScriptedSmtp())[0].reference == "4F1A2B"
