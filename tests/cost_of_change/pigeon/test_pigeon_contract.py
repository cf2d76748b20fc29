"""Pigeon keeps what every adapter owes to delivery."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Adapter, Outcome, SmsPayload
from engine.channels import CHANNELS
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Script, Silence, fake_http
from tests.contracts.adapter_contract import AdapterContract, Bench
from tests.cost_of_change.pigeon.adapter import PigeonAdapter
from tests.cost_of_change.pigeon.kind import PIGEON
from tests.cost_of_change.pigeon.options import PigeonOptions
from tests.cost_of_change.pigeon.pigeon_api import SENDER, Answered, PigeonApi, refusal

FAILURES: dict[Outcome, Answered] = {
    Outcome.RETRY: refusal(503, 3001),
    Outcome.REJECTED: refusal(422, 1004),
    Outcome.SENDING_REFUSED: refusal(429, 2003),
    Outcome.ADAPTER_DOWN: refusal(401, 2005),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Loft:
    adapter: Adapter
    api: PigeonApi

    def arrived(self) -> Sequence[object]:
        return [SmsPayload(text["text"]) for text in self.api.texts.values()]


def options(url: str, **more: float) -> PigeonOptions:
    return PigeonOptions.model_validate({"token": SECRET, "sender": SENDER, "url": url, **more})


@asynccontextmanager
async def loft(api: PigeonApi, script: Script | None = None, **more: float) -> AsyncIterator[Bench]:
    async with fake_http(script or api) as fake, PigeonAdapter(options(fake.url, **more), "pigeon") as adapter:
        yield Loft(adapter, api)


@asynccontextmanager
async def nobody_there() -> AsyncIterator[Bench]:
    async with fake_http(PigeonApi()) as fake:
        url = fake.url
    async with PigeonAdapter(options(url), "pigeon") as adapter:
        yield Loft(adapter, PigeonApi())


class TestPigeon(AdapterContract):
    channel = next(one for one in CHANNELS if one.name == "sms")
    kind = PIGEON

    def payload(self, number: int = 0) -> SmsPayload:
        return SmsPayload(f"Nº {number}\n“您好”")

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return loft(PigeonApi())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return nobody_there()

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return loft(PigeonApi([FAILURES[outcome]]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return loft(PigeonApi(), lambda _: Silence(), timeout=1, answer_timeout=0.2)
