"""The adapter ``sms_gateway`` fulfils the contract: with a form, with JSON, and with everything in the URL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Outcome, SmsPayload
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from adapters.sms_gateway.adapter import SmsGatewayAdapter
from adapters.sms_gateway.options import SmsGatewayOptions
from engine.channels.sms import SMS
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Response, Silence, fake_http
from tests.adapters.sms_gateways import FORM, JSON, QUERY, Gateway, Shape
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: Response(200, b"ERR busy with +12025550123"),
    Outcome.REJECTED: Response(200, b"ERR blocked"),
    Outcome.SENDING_REFUSED: Response(503, b""),
    Outcome.ADAPTER_DOWN: Response(200, b"ERR login"),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Connected:
    adapter: SmsGatewayAdapter
    gateway: Gateway

    def arrived(self) -> Sequence[object]:
        return [SmsPayload(text) for _, text in self.gateway.texts]


@asynccontextmanager
async def connected(gateway: Gateway, **changes: object) -> AsyncIterator[Bench]:
    async with fake_http(gateway) as fake:
        usual: dict[str, object] = {"url": f"{fake.url}/send?v=2", "connections": 3, "answer_timeout": 5}
        options = SmsGatewayOptions.model_validate({**usual, **gateway.shape.settings(), **changes})
        async with SmsGatewayAdapter(options) as adapter:
            yield Connected(adapter, gateway)


class TestForm(AdapterContract):
    channel = SMS
    kind = find_kind("sms_gateway", ADAPTERS)
    duplicates_arrive = True
    shape: Shape = FORM

    def payload(self, number: int = 0) -> SmsPayload:
        return SmsPayload(f'Ann, {number} "points" & 100% yours: 欢迎 🎁 +1=2 {{password}}')

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(Gateway(self.shape))

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(Gateway(self.shape), url="http://127.0.0.1:9")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(Gateway(self.shape, [FAILURES[outcome]]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(Gateway(self.shape, [Silence()]), answer_timeout=0.2)


class TestJson(TestForm):
    shape = JSON


class TestQuery(TestForm):
    shape = QUERY


def test_the_secret_of_the_contract_is_the_gateways() -> None:
    assert all(SECRET in str(shape.settings()) for shape in (FORM, JSON, QUERY))
