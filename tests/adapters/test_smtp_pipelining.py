"""Pipelined transactions (RFC 2920): refusals, and aborting the commands that were sent along with a refused one."""

import asyncio

import pytest

from adapters.base import Outcome
from tests.adapters.emails import BODY, message
from tests.adapters.scripted_smtp import DROP, SILENCE, ScriptedSmtp
from tests.adapters.test_smtp import connected, exchange

NO_SENDER = "503 5.5.1 no sender"
NO_RECIPIENT = "554 5.5.1 no recipient"
UNKNOWN_USER = "550 5.1.1 no such user"
TRANSACTION = ["MAIL", "RCPT", "DATA"]


def pipelining(script: dict[str, list[str]]) -> ScriptedSmtp:
    return ScriptedSmtp(script, extensions=("SIZE 10000000", "PIPELINING"))


def test_all_commands_leave_before_the_first_reply() -> None:
    async def run() -> list[bytes]:
        async with connected(pipelining({"MAIL": [SILENCE]})) as bench:
            sending = asyncio.create_task(bench.adapter.send(message()))
            await bench.server.silent.wait()
            waiting = [await bench.server.reader.readline() for _ in range(2)]
            sending.cancel()
            await asyncio.wait([sending])
            return waiting

    assert asyncio.run(run()) == [b"RCPT TO:<ann@example.org>\r\n", b"DATA\r\n"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"MAIL": ["450 4.7.1 slow down"], "RCPT": [NO_SENDER], "DATA": [NO_SENDER]}, "sender_deferred"),
        ({"MAIL": ["550 5.7.1 not yours"], "RCPT": [NO_SENDER], "DATA": [NO_RECIPIENT]}, "sender_refused"),
        ({"RCPT": [UNKNOWN_USER], "DATA": [NO_RECIPIENT]}, "mailbox_unavailable"),
        ({"DATA": ["451 4.3.0 later"]}, "content_deferred"),
    ],
)
def test_a_refusal_is_cleared_away_on_the_same_connection(script: dict[str, list[str]], reason: str) -> None:
    server = pipelining(script)
    first, second = exchange(server, message(), message("action-2"))
    assert (first.reason, second.outcome) == (reason, Outcome.ACCEPTED)
    assert server.verbs()[1:] == [*TRANSACTION, "RSET", *TRANSACTION, "QUIT"]
    assert (server.messages, server.connections) == ([BODY], 1)


@pytest.mark.parametrize("script", [{"RCPT": [UNKNOWN_USER]}, {"MAIL": ["450 4.7.1 slow down"], "RCPT": [NO_SENDER]}])
def test_a_lone_dot_ends_what_has_no_recipient(script: dict[str, list[str]]) -> None:
    server = pipelining(script)
    first, second = exchange(server, message(), message("action-2"))
    assert first.outcome in (Outcome.REJECTED, Outcome.SENDING_REFUSED)
    assert second.outcome is Outcome.ACCEPTED
    assert server.verbs()[1:] == [*TRANSACTION, *TRANSACTION, "QUIT"]
    assert (server.messages, server.connections) == ([b"", BODY], 1)


def test_nobody_gets_an_empty_message() -> None:
    """A server that refuses the sender, then takes recipient and DATA, would send what a lone dot ends."""
    server = pipelining({"MAIL": ["550 5.7.1 not yours"]})
    first, second = exchange(server, message(), message("action-2"))
    assert (first.outcome, first.reason) == (Outcome.SENDING_REFUSED, "sender_refused")
    assert second.outcome is Outcome.ACCEPTED
    assert (server.messages, server.connections) == ([BODY], 2)


@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        ({"RCPT": [UNKNOWN_USER], "DATA": [DROP]}, Outcome.REJECTED, "mailbox_unavailable"),
        ({"RCPT": [UNKNOWN_USER], "DATA": [SILENCE]}, Outcome.REJECTED, "mailbox_unavailable"),
        ({"RCPT": [UNKNOWN_USER], "DATA": ["421 4.3.2 going down"]}, Outcome.REJECTED, "mailbox_unavailable"),
        ({"RCPT": [UNKNOWN_USER], "DATA": ["what"]}, Outcome.REJECTED, "mailbox_unavailable"),
        ({"RCPT": [UNKNOWN_USER], "DOT": [DROP]}, Outcome.REJECTED, "mailbox_unavailable"),
        ({"RCPT": [UNKNOWN_USER], "DATA": [NO_RECIPIENT], "RSET": [DROP]}, Outcome.REJECTED, "mailbox_unavailable"),
        ({"MAIL": ["552 5.3.4 too big"], "RCPT": [DROP]}, Outcome.REJECTED, "message_unsuitable"),
        ({"RCPT": ["421 4.7.0 too many"]}, Outcome.SENDING_REFUSED, "service_unavailable"),
        ({"DATA": ["421 4.3.2 going down"]}, Outcome.SENDING_REFUSED, "service_unavailable"),
        ({"RCPT": [DROP]}, Outcome.RETRY, "disconnected"),
        ({"DATA": [DROP]}, Outcome.RETRY, "disconnected"),
    ],
)
def test_what_was_refused_stays_refused_however_the_rest_ends(
    script: dict[str, list[str]], outcome: Outcome, reason: str
) -> None:
    server = pipelining(script)
    first, second = exchange(server, message(), message("action-2"), timeout=0.5)
    assert (first.outcome, first.reason) == (outcome, reason)
    assert second.outcome is Outcome.ACCEPTED
    assert (server.messages[-1], server.connections) == (BODY, 2)


def test_what_nobody_asked_for_is_the_reply_to_nothing() -> None:
    server = pipelining({"DOT": ["250 2.0.0 ok\r\n550 5.1.1 who said that"]})
    answers = exchange(server, message(), message("action-2"))
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_a_reply_of_several_lines_is_one() -> None:
    server = pipelining({"RCPT": ["550-5.1.1 no such user\r\n550-5.1.1 here\r\n550 5.1.1 at all"]})
    first, second = exchange(server, message(), message("action-2"))
    assert first.detail == "550 5.1.1 no such user 5.1.1 here 5.1.1 at all"
    assert second.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("reply", ["250-" + "x" * 3_000, "\r\n".join(["250-more"] * 20_000)])
def test_an_endless_reply_is_none(reply: str) -> None:
    first, second = exchange(pipelining({"RCPT": [reply]}), message(), message("action-2"))
    assert (first.outcome, first.reason) == (Outcome.RETRY, "protocol_error")
    assert second.outcome is Outcome.ACCEPTED
