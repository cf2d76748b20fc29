"""The adapter ``twilio`` fulfils the contract, against a server that checks requests as Twilio's documentation says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Outcome, SmsPayload
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from adapters.twilio.adapter import TwilioAdapter
from adapters.twilio.options import TwilioOptions
from engine.channels.sms import SMS
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Response, Silence, fake_http
from tests.adapters.twilio_api import ACCOUNT, SENDER, TwilioApi, refusal
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: Response(408),
    Outcome.REJECTED: refusal(400, 21610, "Attempt to send to unsubscribed recipient"),
    Outcome.SENDING_REFUSED: refusal(429, 20429, "Too Many Requests"),
    Outcome.ADAPTER_DOWN: refusal(401, 20003, "Authenticate"),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Connected:
    adapter: TwilioAdapter
    api: TwilioApi

    def arrived(self) -> Sequence[object]:
        return [SmsPayload(text["Body"]) for text in self.api.texts]


@asynccontextmanager
async def connected(api: TwilioApi, **changes: object) -> AsyncIterator[Bench]:
    async with fake_http(api) as fake:
        usual: dict[str, object] = {"url": fake.url, "account_sid": ACCOUNT, "auth_token": SECRET, "sender": SENDER}
        options = TwilioOptions.model_validate({**usual, "connections": 3, "answer_timeout": 5, **changes})
        async with TwilioAdapter(options) as adapter:
            yield Connected(adapter, api)


class TestTwilio(AdapterContract):
    channel = SMS
    kind = find_kind("twilio", ADAPTERS)
    duplicates_arrive = True

    def payload(self, number: int = 0) -> SmsPayload:
        return SmsPayload(f"Ann, {number} points & 100% yours: 欢迎 🎁 +1=2")

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(TwilioApi())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(TwilioApi(), url="http://127.0.0.1:9")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(TwilioApi([FAILURES[outcome]]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(TwilioApi([Silence()]), answer_timeout=0.2)
