"""The adapter ``jpush`` keeps the contract, against a server that checks requests as JPush's documentation says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Message, Outcome, PushPayload
from adapters.jpush.adapter import JPushAdapter
from adapters.jpush.options import JPushOptions
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from engine.channels.push import PUSH
from tests.adapters.emails import AT, SECRET
from tests.adapters.fake_http import HangUp, Response, Silence, fake_http
from tests.adapters.jpush_api import APP_KEY, DEVICE, JPushApi, refusal
from tests.contracts.adapter_contract import AdapterContract, Bench

FAILURES: dict[Outcome, Response | HangUp] = {
    Outcome.RETRY: Response(408),
    Outcome.REJECTED: refusal(400, 1011, f"cannot find {DEVICE}"),
    Outcome.SENDING_REFUSED: refusal(429, 2002, "rate limit"),
    Outcome.ADAPTER_DOWN: refusal(401, 1004, f"Authen failed {SECRET}"),
    Outcome.UNKNOWN: HangUp(),
}


@dataclass
class Connected:
    adapter: JPushAdapter
    api: JPushApi

    def arrived(self) -> Sequence[object]:
        return [_read(push["notification"]) for push in self.api.made]


def _read(notification: dict[str, dict[str, object]]) -> PushPayload:
    """Return what the app gets, which is the same on both platforms."""
    android, ios = notification["android"], notification["ios"]
    assert ios["alert"] == {"title": android["title"], "body": android["alert"]}
    assert ios["extras"] == android["extras"]
    extras = dict(android["extras"])  # type: ignore[call-overload]
    image, link = extras.pop("image", ""), extras.pop("link", "")
    assert android.get("big_pic_path", "") == image
    return PushPayload(str(android["title"]), str(android["alert"]), image, link, extras)


@asynccontextmanager
async def connected(api: JPushApi, **changes: object) -> AsyncIterator[Bench]:
    async with fake_http(api) as fake:
        usual: dict[str, object] = {"url": fake.url, "app_key": APP_KEY, "master_secret": SECRET}
        options = JPushOptions.model_validate({**usual, "connections": 3, "answer_timeout": 5, **changes})
        async with JPushAdapter(options) as adapter:
            yield Connected(adapter, api)


class TestJPush(AdapterContract):
    channel = PUSH
    kind = find_kind("jpush", ADAPTERS)

    def payload(self, number: int = 0) -> PushPayload:
        return PushPayload(
            f"生日快乐 🎁 {number}", "10 % off", "https://example.com/a.png", "shop://gift", {"order": "7"}
        )

    def message(self, number: int = 0, recipient: str | None = None) -> Message:
        to = DEVICE if recipient is None else recipient
        return Message(f"action-{number}", "", to, self.payload(number), AT, send_key=f"{APP_KEY}-{number:08d}")

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(_with_keys())

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(_with_keys(), url="http://127.0.0.1:9")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench]:
        return connected(_with_keys([FAILURES[outcome]]))

    def silent(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return connected(_with_keys([Silence()]), answer_timeout=0.2)


def _with_keys(answers: Sequence[Response | Silence | HangUp] = ()) -> JPushApi:
    return JPushApi(answers, keys=[f"{APP_KEY}-{number:08d}" for number in range(60)])
