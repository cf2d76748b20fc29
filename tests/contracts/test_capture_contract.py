"""The capture adapter keeps the contract for each channel that ships."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.base import EmailPayload, InboxPayload, Outcome, PushPayload, SmsPayload, TaskPayload, WebhookPayload
from adapters.capture import CaptureAdapter, CaptureOptions
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from engine.channels.email import EMAIL
from engine.channels.inbox import INBOX
from engine.channels.push import PUSH
from engine.channels.sms import SMS
from engine.channels.task import TASK
from engine.channels.webhook import WEBHOOK
from tests.adapters.emails import BODY
from tests.contracts.adapter_contract import AdapterContract, Bench


@dataclass
class Folder:
    """The files in an adapter's folder."""

    adapter: CaptureAdapter
    folder: Path
    payload: type

    def arrived(self) -> Sequence[object]:
        if self.payload is EmailPayload:
            return [EmailPayload(file.read_bytes()) for file in self.folder.rglob("*.eml")]
        read = [json.loads(file.read_text("utf-8")) for file in self.folder.rglob("*.json")]
        return [self.payload(**one["payload"]) for one in read]


@asynccontextmanager
async def capture(folder: Path, payload: type) -> AsyncIterator[Folder]:
    async with CaptureAdapter(CaptureOptions(folder=folder)) as adapter:
        yield Folder(adapter, folder, payload)


@asynccontextmanager
async def repaired(folder: Path, payload: type) -> AsyncIterator[Bench]:
    """A folder that a file stands in the way of, until the first message has failed on it."""
    folder.write_text("in the way")
    async with capture(folder, payload) as bench:
        send = bench.adapter.send

        async def first(message: Any) -> Any:
            answer = await send(message)
            folder.unlink()
            bench.adapter.send = send  # type: ignore[method-assign]
            return answer

        bench.adapter.send = first  # type: ignore[method-assign]
        yield bench


class CaptureContract(AdapterContract):
    kind = find_kind("capture", ADAPTERS)

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return capture(folder / "mail", self.channel.payload)

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return capture(folder / "missing" / "mail", self.channel.payload)

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench] | None:
        return repaired(folder / "mail", self.channel.payload) if outcome is Outcome.ADAPTER_DOWN else None

    def silent(self, folder: Path) -> None:
        return None


class TestCaptureOfEmail(CaptureContract):
    channel = EMAIL

    def payload(self, number: int = 0) -> EmailPayload:
        return EmailPayload(BODY + b"%d\r\n" % number)


class TestCaptureOfSms(CaptureContract):
    channel = SMS

    def payload(self, number: int = 0) -> SmsPayload:
        return SmsPayload(f"Hello {number}, 你好 \u2028!")


class TestCaptureOfPush(CaptureContract):
    channel = PUSH

    def payload(self, number: int = 0) -> PushPayload:
        return PushPayload(
            f"Hello {number}", "Come back", "https://example.com/a.png", "https://example.com/", {"a": "b"}
        )


class TestCaptureOfWebhook(CaptureContract):
    channel = WEBHOOK

    def payload(self, number: int = 0) -> WebhookPayload:
        return WebhookPayload("tier.reached", {"tier": "gold", "orders": number, "names": ["Ann", "Bo"]})


class TestCaptureOfInbox(CaptureContract):
    channel = INBOX

    def payload(self, number: int = 0) -> InboxPayload:
        return InboxPayload(f"Hello {number}", "Come back", "shop://offers/1", data={"a": ["b"]}, lasts=1_000)


class TestCaptureOfTask(CaptureContract):
    channel = TASK

    def payload(self, number: int = 0) -> TaskPayload:
        return TaskPayload(f"Call {number}", "Ask how they liked it", 3_600_000)
