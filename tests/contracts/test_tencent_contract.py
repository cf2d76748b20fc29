"""The tencent adapter keeps the contract: against a server that verifies each signature by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.base import Message, Outcome, SmsPayload
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from adapters.tencent.adapter import TencentAdapter
from adapters.tencent.options import TencentOptions
from tests.adapters.china_sms import MainlandSms, message, now
from tests.adapters.fake_http import FakeHttp, HangUp, Response, Script, Silence, fake_http
from tests.adapters.tencent_api import OPTIONS, accepting, error, status, text_of
from tests.contracts.adapter_contract import AdapterContract, Bench

NOWHERE = "http://127.0.0.1:9"
FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: status("LimitExceeded.PhoneNumberThirtySecondLimit"),
    Outcome.REJECTED: status("FailedOperation.PhoneNumberInBlacklist"),
    Outcome.SENDING_REFUSED: status("FailedOperation.InsufficientBalanceInSmsPackage"),
    Outcome.ADAPTER_DOWN: error("AuthFailure.SecretIdNotFound"),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Connected:
    adapter: TencentAdapter
    fake: FakeHttp

    def arrived(self) -> Sequence[object]:
        return [text_of(request) for request in self.fake.requests]


@asynccontextmanager
async def connected(script: Script, url: str = "", **changes: object) -> AsyncIterator[Bench]:
    async with fake_http(script) as fake:
        usual: dict[str, object] = {"url": url or fake.url, "connections": 3, "timeout": 5.0}
        options = TencentOptions.model_validate({**OPTIONS, **usual, **changes})
        async with TencentAdapter(options, "tencent", now) as adapter:
            yield Connected(adapter, fake)


class TestTencent(AdapterContract):
    channel = MainlandSms()
    kind = find_kind("tencent", ADAPTERS)
    duplicates_arrive = True

    def payload(self, number: int = 0) -> SmsPayload:
        return SmsPayload(f"您的验证码{1000 + number}，5分钟内有效。")

    def message(self, number: int = 0, recipient: str | None = None) -> Message:
        sample = message(key=f"action-{number}", number=self.channel.sample if recipient is None else recipient)
        return replace(sample, payload=self.payload(number))

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(accepting())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(accepting(), NOWHERE)

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(accepting({0: FAILURES[outcome]}))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(accepting({0: Silence()}), answer_timeout=0.2)
