"""What every adapter owes to delivery. Subclass, say how to open one, and inherit the tests."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest

from adapters.base import Adapter, Message, Outcome

SECRET = "correct-horse-battery-staple"
BODY = (
    b"From: hello@example.com\r\nTo: ann@example.org\r\nDate: Fri, 31 Jan 1997 08:00:00 +0000\r\n"
    b"Message-ID: <0123@example.com>\r\nSubject: Hi\r\n\r\nBody\r\n.leading dot\r\n.\r\n..two\r\n\r\n"
)


def message(key: str = "action-1", recipient: str = "ann@example.org", body: bytes = BODY) -> Message:
    return Message(key, "bounce@example.com", recipient, body)


class Bench(Protocol):
    """An adapter and what has arrived at its provider."""

    @property
    def adapter(self) -> Adapter: ...

    def arrived(self) -> list[bytes]: ...


class AdapterContract:
    """Run over every adapter. Whatever a provider does, ``send`` answers and does not raise."""

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        """Open an adapter whose provider takes everything."""
        raise NotImplementedError

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        """Open an adapter whose provider is not there."""
        raise NotImplementedError

    duplicates_arrive = False
    """Whether a key that is handed over twice arrives twice."""

    def test_says_what_it_is(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                assert bench.adapter.name
                assert bench.adapter.channel == "email"
                assert bench.adapter.concurrency >= 1

        asyncio.run(run())

    def test_hands_over_every_octet(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                answer = await bench.adapter.send(message())
                assert answer.outcome is Outcome.ACCEPTED
                assert answer.reference
                assert bench.arrived() == [BODY]

        asyncio.run(run())

    def test_a_second_attempt_carries_the_same_message(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                for _ in range(2):
                    assert (await bench.adapter.send(message())).outcome is Outcome.ACCEPTED
                assert set(bench.arrived()) == {BODY}
                assert len(bench.arrived()) == (2 if self.duplicates_arrive else 1)

        asyncio.run(run())

    def test_serves_many_at_once(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                sent = [message(f"action-{number}", body=BODY + b"%d\r\n" % number) for number in range(60)]
                answers = await asyncio.gather(*(bench.adapter.send(each) for each in sent))
                assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
                assert sorted(bench.arrived()) == sorted(each.body for each in sent)

        asyncio.run(run())

    def test_says_that_the_provider_is_not_there(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.unreachable(tmp_path) as bench:
                answer = await bench.adapter.send(message())
                assert answer.outcome is Outcome.ADAPTER_DOWN
                assert answer.reason.replace("_", "").isalpha()
                assert answer.reason.islower()
                assert len(answer.detail) > 10
                assert bench.arrived() == []

        asyncio.run(run())

    @pytest.mark.parametrize(
        "recipient", ["ann@example.org\r\nRCPT TO:<eve@example.org>", "a\0@example.org", "", "a b"]
    )
    def test_a_poisoned_address_reaches_nobody_else(self, tmp_path: Path, recipient: str) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                answer = await bench.adapter.send(message(recipient=recipient))
                assert answer.outcome in (Outcome.REJECTED, Outcome.ACCEPTED)
                assert recipient == "" or recipient not in answer.detail
                assert (await bench.adapter.send(message("action-2"))).outcome is Outcome.ACCEPTED

        asyncio.run(run())

    def test_keeps_secrets_and_addresses(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)

        async def run() -> None:
            for opened in (self.working, self.unreachable):
                async with opened(tmp_path) as bench:
                    answer = await bench.adapter.send(message())
                    shown = f"{answer!r} {bench.adapter!r} {vars(bench.adapter)!r}"
                    assert SECRET not in shown
                    assert "ann@example.org" not in shown

        asyncio.run(run())
        assert SECRET not in caplog.text
        assert "ann@example.org" not in caplog.text

    def test_survives_a_cancelled_hand_off_and_closes(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                task = asyncio.create_task(bench.adapter.send(message()))
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await bench.adapter.send(message("action-2"))).outcome is Outcome.ACCEPTED

        asyncio.run(run())

    def test_can_be_closed_unused(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path):
                pass

        asyncio.run(run())
