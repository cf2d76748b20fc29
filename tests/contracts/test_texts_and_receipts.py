"""Texts through the engine to both SMS adapters, and their receipts into the log, on both databases."""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha1
from itertools import permutations
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from adapters.base import Callback
from adapters.registry import ADAPTERS
from adapters.sms_gateway.adapter import SmsGatewayAdapter
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.twilio.adapter import TwilioAdapter
from adapters.twilio.options import TwilioOptions
from engine.actions.receipts import ReceiptEntry, Receipts, Received
from engine.clock import HOUR, Instant
from engine.delivery.receipts import read_callback
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import Request, Response, fake_http
from tests.adapters.twilio_api import ACCOUNT, SENDER, TOKEN, TwilioApi, refusal
from tests.deliveries import NOON, Deliveries

PUBLIC = "https://habitue.example.com/receipts/"
LATER = Instant(NOON + HOUR)
TWILIO = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": SENDER, "callback_url": f"{PUBLIC}twilio"}
GATEWAY = {
    "url": "https://sms.example.com/send",
    "fields": {"to": "{to}", "text": "{text}", "callback": "{receipt_url}"},
    "receipt_url": f"{PUBLIC}sms_gateway",
    "receipt_secret": SECRET,
    "receipt_kinds": {"ok": "delivered", "no": "bounced", "seen": "opened"},
}


@pytest.fixture
def texts(shop: Deliveries) -> Deliveries:
    """Three texts to send."""
    shop.users(3, phone="+12025550123")
    shop.due_actions(3, channel="sms", message_class="transactional")
    return shop


def received(shop: Deliveries, adapter: str, options: dict[str, Any], *calls: Callback) -> Received:
    settings = shop.app.settings.model_copy(update={"adapters": {adapter: options}})
    entries: Sequence[ReceiptEntry] = [
        one for call in calls for one in read_callback(settings, ADAPTERS, adapter, call).receipts
    ]
    with shop.database.write() as connection:
        return Receipts(shop.database.dialect).receive(connection, entries, LATER)


def states(shop: Deliveries) -> list[tuple[str, str]]:
    return [(state, reason) for state, reason in shop.rows("SELECT state, reason FROM action ORDER BY id")]


def twilios_call(sid: str, status: str, **fields: str) -> Callback:
    form = {"AccountSid": ACCOUNT, "MessageSid": sid, "MessageStatus": status, **fields}
    signed = f"{PUBLIC}twilio" + "".join(name + form[name] for name in sorted(form))
    signature = b64encode(hmac.new(TOKEN.encode(), signed.encode(), sha1).digest()).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return Callback(headers, urlencode(form).encode(), "http://10.0.0.7/receipts/twilio", LATER)


def sent_by_twilio(shop: Deliveries, api: TwilioApi) -> None:
    async def run() -> None:
        async with fake_http(api) as fake:
            adapter = TwilioAdapter(TwilioOptions.model_validate({**TWILIO, "url": fake.url, "connections": 1}))
            await shop.delivery(cast("Any", adapter)).drain()

    asyncio.run(run())


def references(shop: Deliveries) -> list[str]:
    return [reference for (reference,) in shop.rows("SELECT reference FROM action ORDER BY id")]


def test_twilios_receipts_arrive_in_any_order_and_again(texts: Deliveries) -> None:
    api = TwilioApi()
    sent_by_twilio(texts, api)
    assert sorted(text["Body"] for text in api.texts) == ["Hello u1", "Hello u2", "Hello u3"]
    assert states(texts) == [("accepted", "accepted")] * 3
    one, two, three = references(texts)
    calls = [
        twilios_call(one, "read"),
        twilios_call(one, "delivered"),
        twilios_call(one, "sent"),
        twilios_call(two, "undelivered", ErrorCode="30005"),
        twilios_call(three, "failed", ErrorCode="30007"),
    ]
    assert received(texts, "twilio", TWILIO, *calls) == Received(new=4)
    expected = [("opened", "reported"), ("bounced", "number_unusable"), ("bounced", "carrier_filtered")]
    assert states(texts) == expected
    before = texts.rows("SELECT * FROM action ORDER BY id"), texts.rows("SELECT * FROM action_event ORDER BY id")
    for order in list(permutations(calls))[::17]:
        assert received(texts, "twilio", TWILIO, *order) == Received(known=4)
    assert before == (
        texts.rows("SELECT * FROM action ORDER BY id"),
        texts.rows("SELECT * FROM action_event ORDER BY id"),
    )


def test_what_twilio_refuses_is_in_the_log_with_its_reason_and_without_the_number(texts: Deliveries) -> None:
    said = "The 'To' number +12025550123 is not a valid phone number."
    sent_by_twilio(texts, TwilioApi([refusal(400, 21211, said), refusal(400, 21610, "unsubscribed recipient")]))
    assert sorted(states(texts)) == [
        ("accepted", "accepted"),
        ("failed", "number_unusable"),
        ("failed", "opted_out_at_provider"),
    ]
    details = [one.detail for one in texts.changes() if one.state == "failed"]
    assert sorted(details) == [
        "21610: unsubscribed recipient",
        "the address is gone and gets nothing more: 21211: The 'To' number … is not a valid phone number.",
    ]
    assert texts.rows("SELECT channel, reason, source FROM suppression") == [("sms", "address_gone", "twilio")]


def test_a_gateways_receipts_come_by_the_url_of_their_message(texts: Deliveries) -> None:
    urls: dict[str, str] = {}

    def script(request: Request) -> Response:
        urls[request.form["text"]] = request.form["callback"]
        return Response(202, b"accepted")

    async def run() -> None:
        async with fake_http(script) as fake:
            adapter = SmsGatewayAdapter(SmsGatewayOptions.model_validate({**GATEWAY, "url": fake.url}))
            await texts.delivery(cast("Any", adapter)).drain()

    asyncio.run(run())
    one, two, three = (urls[f"Hello u{number}"] for number in (1, 2, 3))
    calls = [Callback({}, b"", f"{url}&status={status}") for url, status in ((one, "seen"), (two, "no"), (three, "ok"))]
    assert received(texts, "sms_gateway", GATEWAY, *calls) == Received(new=3)
    assert states(texts) == [("opened", "reported"), ("bounced", "not_delivered"), ("delivered", "reported")]
    assert received(texts, "sms_gateway", GATEWAY, *reversed(calls)) == Received(known=3)
    weaker = Callback({}, b"", f"{one}&status=no")
    assert received(texts, "sms_gateway", GATEWAY, weaker) == Received(new=1)
    assert states(texts)[0] == ("opened", "reported")
