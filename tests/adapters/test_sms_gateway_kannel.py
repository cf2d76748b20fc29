"""The SMS gateway adapter against a real Kannel: texts arrive at its SMS centre, receipts and replies come back."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.base import Answer, Callback, IncomingText, Message, Outcome, Receipt, ReceiptKind, SmsPayload
from adapters.sms_gateway.adapter import SmsGatewayAdapter
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.sms_gateway.receipts import receipts
from tests.adapters.fake_http import FakeHttp, Request, Response, fake_http
from tests.adapters.kannel import PATIENCE, Arrived, Kannel, kannel
from tests.adapters.kannel_settings import of_the_page

PASSWORD, SECRET, TOKEN = "a-password-for-kannel", "a-secret-for-receipts", "a-token-for-incoming-texts"
NUMBER, SENDER = "+8613812345678", "+12025550100"
NOON = 1_790_078_400_000


@dataclass
class Exchange:
    """Kannel, the adapter, and Kannel's calls as they come in."""

    kannel: Kannel
    adapter: SmsGatewayAdapter
    options: SmsGatewayOptions
    calls: asyncio.Queue[Request]
    listener: FakeHttp

    async def send(self, text: str, key: str = "action-1") -> Answer:
        return await self.adapter.send(Message(key, "hello@example.com", NUMBER, SmsPayload(text), NOON))

    async def received(self) -> list[Receipt | IncomingText]:
        """Wait for Kannel's next call, and read it."""
        async with asyncio.timeout(PATIENCE):
            request = await self.calls.get()
        assert request.method == "GET"
        url = f"https://habitue.example.com{request.target}"
        return [*receipts(self.options, "sms_gateway", Callback(request.headers, request.body, url, NOON))]


def exchange(folder: Path, work: Callable[[Exchange], Awaitable[None]], **changes: object) -> None:
    async def run() -> None:
        calls: asyncio.Queue[Request] = asyncio.Queue()

        def script(request: Request) -> Response:
            calls.put_nowait(request)
            return Response(204)

        async with fake_http(script) as listener:
            callbacks = f"{listener.url}/receipts/sms_gateway"
            async with kannel(folder, PASSWORD, callbacks, TOKEN) as running:
                own = {"url": running.url, "receipt_url": callbacks, "answer_timeout": PATIENCE}
                secrets = {"password": PASSWORD, "receipt_secret": SECRET, "fixed_token": TOKEN}
                options = SmsGatewayOptions.model_validate({**of_the_page(), **own, **secrets, **changes})
                async with SmsGatewayAdapter(options) as adapter:
                    await work(Exchange(running, adapter, options, calls, listener))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ann, 50% off & more + {password} = £20, é and à", "text"),
        ("Ends tonight: 10 € \\ ~ [a] ^ |", "text"),
        ("欢迎，Ann！今晚有效", "ucs-2"),
        ("A gift 🎁 for you, naïve", "ucs-2"),
    ],
)
def test_a_text_arrives_as_it_was_written_and_its_receipt_comes_back(tmp_path: Path, text: str, encoding: str) -> None:
    async def work(all_of_it: Exchange) -> None:
        answer = await all_of_it.send(text)
        assert answer == Answer(Outcome.ACCEPTED, detail="0: Accepted for delivery", reference="action-1")
        assert await all_of_it.kannel.arrived() == Arrived(SENDER, NUMBER, encoding, text)
        assert await all_of_it.received() == [
            Receipt("sms_gateway", "action-1", ReceiptKind.DELIVERED, NOON, key="action-1")
        ]

    exchange(tmp_path, work)


def test_each_receipt_is_about_its_own_message(tmp_path: Path) -> None:
    async def work(all_of_it: Exchange) -> None:
        keys = {f"action-{number}" for number in range(20)}
        await asyncio.gather(*(all_of_it.send("Hello", key) for key in keys))
        found = [one for _ in keys for one in await all_of_it.received()]
        assert {one.reference for one in found} == keys
        assert len(found) == len(keys)

    exchange(tmp_path, work)


def test_what_people_write_back_comes_in(tmp_path: Path) -> None:
    async def work(all_of_it: Exchange) -> None:
        for line, text in (
            (f"{NUMBER} 12345 text STOP it, é!", "STOP it, é!"),
            (f"{NUMBER} 12345 ucs2 %90%00%8b%a2", "退订"),
        ):
            await all_of_it.kannel.write_back(line)
            (read,) = await all_of_it.received()
            assert isinstance(read, IncomingText)
            assert (read.adapter, read.address, read.text, read.at) == ("sms_gateway", NUMBER, text, NOON)
            assert re.fullmatch(r"[0-9a-f-]{36}", read.reference)

    exchange(tmp_path, work)


def test_a_wrong_password_means_that_the_adapter_is_down(tmp_path: Path) -> None:
    async def work(all_of_it: Exchange) -> None:
        answer = await all_of_it.send("Hello")
        assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "auth_failed")
        assert answer.detail == "Authorization failed for sendsms"

    exchange(tmp_path, work, password="another-password")


def test_a_request_that_kannel_does_not_take_is_rejected(tmp_path: Path) -> None:
    async def work(all_of_it: Exchange) -> None:
        answer = await all_of_it.send("Hello")
        assert (answer.outcome, answer.reason) == (Outcome.REJECTED, "request_refused")
        assert "rejected" in answer.detail

    fields = {**of_the_page()["fields"], "coding": "9"}
    exchange(tmp_path, work, fields=fields)
