"""The apns adapter keeps the contract."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from adapters.base import Adapter, Message, Outcome, PushPayload
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from engine.channels.push import PUSH
from tests.adapters.fake_apns import DEVICE, FakeApns, apns_adapter, apns_error, payload_of
from tests.adapters.fake_http import HangUp, Request, Silence
from tests.adapters.fake_http2 import Said2
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Said2] = {
    Outcome.RETRY: apns_error(429, "TooManyRequests"),
    Outcome.REJECTED: apns_error(410, "Unregistered", timestamp=1),
    Outcome.SENDING_REFUSED: apns_error(503, "Shutdown"),
    Outcome.ADAPTER_DOWN: apns_error(403, "InvalidProviderToken"),
    Outcome.UNKNOWN: HangUp(),
}


@dataclasses.dataclass
class Connected:
    adapter: Adapter
    apns: FakeApns

    def arrived(self) -> Sequence[object]:
        return [payload_of(request) for request in self.apns.messages]


@asynccontextmanager
async def connected(apns: FakeApns, folder: Path, **changes: object) -> AsyncIterator[Bench]:
    async with apns_adapter(apns, folder, **changes) as (adapter, _):
        yield Connected(adapter, apns)


def once(said: Said2) -> FakeApns:
    left = [said]

    def answer(_: Request) -> Said2 | None:
        return left.pop() if left else None

    return FakeApns(answer)


class TestApns(AdapterContract):
    channel = PUSH
    kind = find_kind("apns", ADAPTERS)
    duplicates_arrive = True

    def payload(self, number: int = 0) -> PushPayload:
        return PushPayload(
            "Für dich: 你好 🎁",
            f"Line one\n“{number}” & <b>\\",
            "https://cdn.example.com/a.png",
            f"maison://gifts/{number}",
            {"campaign": "spring", "empty": "", "n": str(number)},
        )

    def message(self, number: int = 0, recipient: str | None = None) -> Message:
        return super().message(number, DEVICE if recipient is None else recipient)

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(FakeApns(), folder)

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(FakeApns(), folder, ca_file=None, url="https://127.0.0.1:9")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(once(FAILURES[outcome]), folder)

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(FakeApns(lambda _: Silence()), folder, answer_timeout=0.2)
