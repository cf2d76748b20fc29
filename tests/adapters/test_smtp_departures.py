"""When a message departs over SMTP: with its final dot. A lease that ends before that leaves nobody in doubt."""

import asyncio
from pathlib import Path

import pytest

from adapters.base import Message, Outcome
from adapters.smtp.adapter import SmtpAdapter
from adapters.smtp.connection import WHOLE
from engine.clock import DAY
from tests.adapters.emails import BODY, message
from tests.adapters.scripted_smtp import DROP, SILENCE, ScriptedSmtp
from tests.adapters.test_smtp import connected, options
from tests.deliveries import NOON, Deliveries

EARLIER = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA")
"""The verbs before the message."""
LONG = message(body=BODY + b"x\r\n" * WHOLE)
EXTENSIONS = {"one by one": (), "pipelined": ("PIPELINING",)}


def departures(server: ScriptedSmtp, sent: Message, **changes: object) -> tuple[list[int], Outcome]:
    """Return how many messages the server had when the message departed, for each time that it did, and the outcome."""

    async def run() -> tuple[list[int], Outcome]:
        found: list[int] = []
        async with connected(server, **changes) as bench:
            answer = await bench.adapter.send_telling(sent, lambda: found.append(len(server.messages)))
        return found, answer.outcome

    return asyncio.run(run())


@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
@pytest.mark.parametrize("sent", [message(), LONG], ids=["short", "long"])
def test_a_message_departs_once_just_before_its_end(sent: Message, extensions: tuple[str, ...]) -> None:
    assert departures(ScriptedSmtp(extensions=extensions), sent) == ([0], Outcome.ACCEPTED)


@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
@pytest.mark.parametrize("reply", ["450 4.3.0 later", "550 5.7.1 never", "421 4.3.2 bye", DROP, "garbage"])
@pytest.mark.parametrize("verb", [verb for verb in EARLIER if verb != "EHLO"])
def test_a_message_that_is_refused_before_its_end_has_not_departed(
    verb: str, reply: str, extensions: tuple[str, ...]
) -> None:
    server = ScriptedSmtp({verb: [reply] * 2}, extensions=extensions)
    found, outcome = departures(server, message())
    assert found == []
    assert outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN)
    assert not any(server.messages), "a lone dot at most, which ends a refused transaction"


def test_a_long_message_that_is_cut_off_has_not_departed() -> None:
    larger_than_buffers = message(body=BODY + (b"x" * 78 + b"\r\n") * 200_000)
    assert departures(ScriptedSmtp(size_read=1_000), larger_than_buffers) == ([], Outcome.RETRY)


@pytest.mark.parametrize("reply", ["450 4.3.0 later", "550 5.7.1 never", DROP])
def test_whatever_comes_after_the_end_a_message_has_departed(reply: str) -> None:
    assert departures(ScriptedSmtp({"DOT": [reply]}), message())[0] == [0]


def test_a_kept_connection_that_was_dead_makes_no_message_depart_twice() -> None:
    async def run() -> list[int]:
        found: list[int] = []
        server = ScriptedSmtp()
        async with connected(server, connections=1) as bench:
            await bench.adapter.send(message())
            server.script["MAIL"] = [DROP]
            await bench.adapter.send_telling(message(), lambda: found.append(len(server.messages)))
        return found

    assert asyncio.run(run()) == [1]


@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
@pytest.mark.parametrize("verb", [*EARLIER, "DOT"])
def test_a_lease_that_ends_while_the_server_is_silent(
    tmp_path: Path, migrated_sqlite_url: str, verb: str, extensions: tuple[str, ...]
) -> None:
    world = Deliveries.create(tmp_path / "maison", migrated_sqlite_url)
    world.users(1)
    world.due_actions(1)
    sent: list[int] = []

    async def run() -> None:
        async with ScriptedSmtp({verb: [SILENCE]}, extensions=extensions) as server:
            await world.delivery(SmtpAdapter(options(server)), lease="1s").drain()
            assert world.states() == {"unknown:no_answer" if verb == "DOT" else "retrying:too_slow": 1}
            world.at(NOON + DAY)
            await world.delivery(SmtpAdapter(options(server)), lease="1s").drain()
            sent.append(len(server.messages))

    asyncio.run(run())
    assert world.states() == {"unknown:no_answer" if verb == "DOT" else "accepted:accepted": 1}
    assert sent == [1], "silence after the dot says nothing about the message, which did arrive"
    world.close()
