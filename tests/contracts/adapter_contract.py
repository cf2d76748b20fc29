"""The contract of adapters with delivery, for any channel. Subclass it, define how to open an adapter, inherit the tests."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.base import Adapter, Message, Outcome, TellsDeparture
from adapters.kinds import AdapterKind
from engine.channels.base import Channel
from tests.adapters.emails import AT, SECRET

POISON = ("\r\nRCPT TO:<eve@example.org>", "\0", " ")
"""Text that a recipient's address must not smuggle in."""


class Bench(Protocol):
    """An adapter and the messages that have arrived at its provider."""

    @property
    def adapter(self) -> Adapter: ...

    def arrived(self) -> Sequence[object]:
        """The payloads, in no order."""
        ...


class AdapterContract:
    """Runs for every adapter, for every channel that it serves. Whatever a provider does, ``send`` answers."""

    channel: Channel
    kind: AdapterKind
    """The adapter's declaration."""
    duplicates_arrive = False
    """Whether a key that is handed over twice arrives twice."""

    def payload(self, number: int = 0) -> Any:  # noqa: ANN401 - of the channel's type
        """Return a payload that contains its number."""
        raise NotImplementedError

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        """Open an adapter whose provider accepts everything."""
        raise NotImplementedError

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        """Open an adapter whose provider cannot be reached, or refuses access."""
        raise NotImplementedError

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench] | None:
        """Open an adapter whose provider answers the first message with ``outcome``; None if this provider never does."""
        raise NotImplementedError

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench] | None:
        """Open an adapter with short time limits whose provider never answers; None if this provider always does."""
        raise NotImplementedError

    def reasons(self) -> set[str]:
        """Return the reasons that the adapter declares, and the one that delivery declares for all."""
        return {reason.value for reason in self.kind.reasons} | {"address_invalid"}

    def message(self, number: int = 0, recipient: str | None = None) -> Message:
        to = self.channel.sample if recipient is None else recipient
        return Message(f"action-{number}", "bounce@example.com", to, self.payload(number), AT)

    def test_declares_what_it_serves(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                adapter = bench.adapter
                assert adapter.name == self.kind.name
                assert adapter.channel == self.kind.channel
                assert adapter.channel in {None, self.channel.name}
                assert issubclass(self.channel.payload, adapter.payload)
                assert isinstance(self.payload(), self.channel.payload)
                assert adapter.concurrency >= 1

        asyncio.run(run())

    def test_hands_over_the_whole_payload(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                answer = await bench.adapter.send(self.message())
                assert answer.outcome is Outcome.ACCEPTED
                assert answer.reference
                assert bench.arrived() == [self.payload()]

        asyncio.run(run())

    def test_a_second_attempt_carries_the_same_message(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                for _ in range(2):
                    assert (await bench.adapter.send(self.message())).outcome is Outcome.ACCEPTED
                assert list(bench.arrived()) == [self.payload()] * (2 if self.duplicates_arrive else 1)

        asyncio.run(run())

    def test_serves_many_at_once(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                answers = await asyncio.gather(*(bench.adapter.send(self.message(number)) for number in range(60)))
                assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
                assert sorted(map(repr, bench.arrived())) == sorted(repr(self.payload(number)) for number in range(60))

        asyncio.run(run())

    def test_a_message_departs_once_and_before_it_arrives(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                if not isinstance(bench.adapter, TellsDeparture):
                    pytest.skip("this adapter does not tell of departures: its calls count from their beginning")
                arrived: list[int] = []
                answer = await bench.adapter.send_telling(self.message(), lambda: arrived.append(len(bench.arrived())))
                assert answer.outcome is Outcome.ACCEPTED
                assert arrived == [0]

        asyncio.run(run())

    def test_a_message_for_a_provider_that_is_not_there_does_not_depart(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.unreachable(tmp_path) as bench:
                if not isinstance(bench.adapter, TellsDeparture):
                    pytest.skip("this adapter does not tell of departures: its calls count from their beginning")
                departed: list[bool] = []
                await bench.adapter.send_telling(self.message(), lambda: departed.append(True))
                assert not departed

        asyncio.run(run())

    @pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.ACCEPTED])
    def test_tells_the_classes_of_failure_apart_and_goes_on(self, tmp_path: Path, outcome: Outcome) -> None:
        opened = self.failing(tmp_path, outcome)
        if opened is None:
            pytest.skip(f"this provider never answers {outcome.value}")

        async def run(failing: AbstractAsyncContextManager[Bench]) -> None:
            async with failing as bench:
                answer = await bench.adapter.send(self.message(1))
                assert answer.outcome is outcome
                assert answer.reason in self.reasons()
                assert (await bench.adapter.send(self.message(2))).outcome is Outcome.ACCEPTED

        asyncio.run(run(opened))

    def test_says_that_the_provider_is_not_there(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.unreachable(tmp_path) as bench:
                answer = await bench.adapter.send(self.message())
                assert answer.outcome is Outcome.ADAPTER_DOWN
                assert answer.reason in self.reasons()
                assert len(answer.detail) > 10
                assert list(bench.arrived()) == []

        asyncio.run(run())

    def test_gives_up_on_a_provider_that_never_answers(self, tmp_path: Path) -> None:
        opened = self.silent(tmp_path)
        if opened is None:
            pytest.skip("this provider answers at once")

        async def run(silent: AbstractAsyncContextManager[Bench]) -> None:
            async with silent as bench:
                answer = await bench.adapter.send(self.message())
                assert answer.outcome is Outcome.UNKNOWN
                assert answer.reason in self.reasons()

        asyncio.run(run(opened))

    @pytest.mark.parametrize("poison", POISON)
    def test_a_poisoned_address_reaches_nobody_else(self, tmp_path: Path, poison: str) -> None:
        recipient = f"{self.channel.sample}{poison}"

        async def run() -> None:
            async with self.working(tmp_path) as bench:
                answer = await bench.adapter.send(self.message(1, recipient))
                assert answer.outcome in (Outcome.REJECTED, Outcome.ACCEPTED)
                assert recipient not in answer.detail
                assert (await bench.adapter.send(self.message(2))).outcome is Outcome.ACCEPTED

        asyncio.run(run())

    def test_an_empty_address_is_an_answer(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                answer = await bench.adapter.send(self.message(1, ""))
                assert answer.outcome in (Outcome.REJECTED, Outcome.ACCEPTED)
                assert (await bench.adapter.send(self.message(2))).outcome is Outcome.ACCEPTED

        asyncio.run(run())

    def test_keeps_secrets_and_addresses(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)

        async def run() -> None:
            for opened in (self.working, self.unreachable):
                async with opened(tmp_path) as bench:
                    answer = await bench.adapter.send(self.message())
                    shown = f"{answer!r} {bench.adapter!r} {vars(bench.adapter)!r}"
                    assert SECRET not in shown
                    assert self.channel.sample not in shown

        asyncio.run(run())
        assert SECRET not in caplog.text
        assert self.channel.sample not in caplog.text

    def test_survives_a_cancelled_hand_off_and_closes(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path) as bench:
                task = asyncio.create_task(bench.adapter.send(self.message(1)))
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await bench.adapter.send(self.message(2))).outcome is Outcome.ACCEPTED

        asyncio.run(run())

    def test_can_be_closed_unused(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.working(tmp_path):
                pass

        asyncio.run(run())
