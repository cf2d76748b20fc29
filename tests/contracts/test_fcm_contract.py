"""The fcm adapter keeps the contract."""

import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from adapters.base import Adapter, Outcome, PushPayload
from adapters.kinds import find_kind, make_adapter
from adapters.registry import ADAPTERS
from engine.channels.push import PUSH
from tests.adapters.emails import SECRET
from tests.adapters.fake_fcm import NOW, FakeFcm, account, fcm_error, payload_of
from tests.adapters.fake_http import HangUp, Request, Response, Silence, fake_http
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: Response(408),
    Outcome.REJECTED: fcm_error(404, "NOT_FOUND", "UNREGISTERED"),
    Outcome.SENDING_REFUSED: fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    Outcome.ADAPTER_DOWN: fcm_error(403, "PERMISSION_DENIED"),
    Outcome.UNKNOWN: HangUp(),
}


@dataclasses.dataclass
class Connected:
    adapter: Adapter
    fcm: FakeFcm

    def arrived(self) -> Sequence[object]:
        return [payload_of(request) for request in self.fcm.messages]


@asynccontextmanager
async def connected(fcm: FakeFcm, **changes: object) -> AsyncIterator[Bench]:
    async with fake_http(fcm) as server:
        options: dict[str, object] = {"url": server.url, "service_account": account(server.url), "connections": 5}
        async with make_adapter("fcm", {**options, **changes}, ADAPTERS, lambda: NOW) as adapter:
            yield Connected(adapter, fcm)


def once(response: Response | HangUp) -> FakeFcm:
    left = [response]

    def answer(_: Request) -> Response | HangUp | None:
        return left.pop() if left else None

    return FakeFcm(answer)


class TestFcm(AdapterContract):
    channel = PUSH
    kind = find_kind("fcm", ADAPTERS)
    duplicates_arrive = True

    def payload(self, number: int = 0) -> PushPayload:
        return PushPayload(
            "Für dich: 你好 🎁",
            f"Line one\n“{number}” & <b>\\",
            "https://cdn.example.com/a.png",
            f"maison://gifts/{number}",
            {"campaign": "spring", "empty": "", "n": str(number)},
        )

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(FakeFcm())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        said = {"error": "invalid_grant", "error_description": f"Invalid JWT Signature, you said {SECRET}"}
        return connected(FakeFcm(token_answer=lambda _: Response(400, said)))

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(once(FAILURES[outcome]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(FakeFcm(lambda _: Silence()), answer_timeout=0.2)
