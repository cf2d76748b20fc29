"""Web Push: the vectors of RFC 8291, tokens, endpoints that may not be called, and what push services answer."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.base import Answer, Message, Outcome, PushPayload
from adapters.clock import Now
from adapters.kinds import find_kind, make_adapter
from adapters.registry import ADAPTERS
from adapters.webpush.adapter import make_webpush
from adapters.webpush.encryption import LARGEST, encrypt
from adapters.webpush.options import SERVICES, WebPushOptions
from adapters.webpush.subscription import read_subscription
from adapters.webpush.vapid import Vapid, new_key, public_key
from tests.adapters.fake_http import Request, Response, fake_http
from tests.adapters.webpush_service import CONTACT, KEY, KEY_SHOWN, NOW, Browser, PushService, b64, claims_of, unb64

# RFC 8291, section 5 and appendix A; the keys are those of ``Browser`` and ``KEY``.
PLAINTEXT = b"When I grow up, I want to be a watermelon"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
HOUR = 3_600_000


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(unb64(text), "big"), ec.SECP256R1())


def options(**changes: object) -> WebPushOptions:
    return WebPushOptions.model_validate({"private_key": KEY, "contact": CONTACT, "hosts": ["127.0.0.1"], **changes})


def send(
    service: PushService, *payloads: PushPayload, now: Now = lambda: NOW, **changes: object
) -> tuple[list[Answer], list[Request]]:
    async def run() -> tuple[list[Answer], list[Request]]:
        async with fake_http(service) as fake, make_webpush(options(**changes), "webpush", now) as adapter:
            to = service.browser.subscription(f"{fake.url}/push/a-capability")
            answers = [
                await adapter.send(Message(f"key-{number}", "", to, payload, NOW))
                for number, payload in enumerate(payloads)
            ]
            return answers, fake.requests

    return asyncio.run(run())


def test_it_encrypts_as_the_example_in_the_rfc() -> None:
    browser = Browser()
    body = encrypt(PLAINTEXT, browser.key.public_key(), unb64(browser.auth), private(KEY), unb64(SALT))
    assert b64(body) == BODY
    assert browser.decrypt(unb64(BODY)) == PLAINTEXT, "and the test's own code decrypts it"


def test_every_message_has_a_key_and_a_salt_of_its_own() -> None:
    _, requests = send(PushService(), *[PushPayload("a", "b")] * 3)
    assert len({request.body[:16] for request in requests}) == 3
    assert len({request.body[21:86] for request in requests}) == 3


def test_what_the_browser_gets_and_the_push_service_sees() -> None:
    service = PushService()
    data = {"order": "7"}
    answers, [request, _] = send(
        service, PushPayload("Hi", "Ann", data=data), PushPayload("a", "b"), time_to_live=60, urgency="high"
    )
    topics = list(service.kept)
    assert service.kept == {
        topics[0]: {"title": "Hi", "body": "Ann", "tag": topics[0], "data": data},
        topics[1]: {"title": "a", "body": "b", "tag": topics[1]},
    }
    assert [answer.reference for answer in answers] == topics
    assert (request.headers["ttl"], request.headers["urgency"], request.headers["topic"]) == ("60", "high", topics[0])
    assert b"Ann" not in request.body


# --- VAPID ---------------------------------------------------------------------------------------------------------------


def test_a_new_key_is_one() -> None:
    key = new_key()
    assert public_key(key) == Vapid(key, CONTACT, lambda: NOW).authorization("https://a.example").split("k=")[1]
    assert public_key(KEY) == KEY_SHOWN
    assert new_key() != key


@pytest.mark.parametrize("key", ["", "short", "!" * 43, b64(bytes(32)), b64(b"\xff" * 32), b64(b"\x01" * 33)])
def test_a_private_key_that_is_none_is_said_without_it(key: str) -> None:
    with pytest.raises(ValueError, match="`private_key`: this is not a VAPID key") as caught:
        make_adapter("webpush", {"private_key": key, "contact": CONTACT}, ADAPTERS, lambda: NOW)
    assert not key or key not in str(caught.value)


def test_a_token_is_kept_for_its_push_service_until_it_is_old() -> None:
    now = [NOW]
    vapid = Vapid(KEY, CONTACT, lambda: now[0])
    first, other = vapid.authorization("https://a.example"), vapid.authorization("https://b.example")
    assert [claims_of(one)["aud"] for one in (first, other)] == ["https://a.example", "https://b.example"]
    assert claims_of(first) == {"aud": "https://a.example", "exp": NOW // 1000 + 12 * 3600, "sub": CONTACT}
    now[0] += 10 * HOUR
    assert vapid.authorization("https://a.example") == first
    now[0] += HOUR + 1000
    later = vapid.authorization("https://a.example")
    assert claims_of(later)["exp"] == now[0] // 1000 + 12 * 3600
    now[0] = NOW - HOUR
    assert claims_of(vapid.authorization("https://a.example"))["exp"] <= now[0] // 1000 + 24 * 3600, "set back"


def test_the_service_takes_tokens_over_two_days() -> None:
    service = PushService()
    hours = iter(range(0, 48, 6))

    def now() -> int:
        service.now = NOW + next(hours) * HOUR
        return service.now

    answers, _ = send(service, *[PushPayload("a", "b")] * 8, now=now)
    assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
    assert 4 <= len(set(service.tokens)) <= 8


@pytest.mark.parametrize(
    "contact", ["push@example.com", "mailto: <push@example.com>", "mailto:root@localhost", "http://example.com", ""]
)
def test_a_contact_that_apple_refuses_is_refused_at_the_start(contact: str) -> None:
    with pytest.raises(ValueError, match="write a URL such as mailto:"):
        options(contact=contact)


# --- subscriptions -------------------------------------------------------------------------------------------------------


def subscribed(endpoint: str) -> str:
    return Browser().subscription(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc:def", "https://fcm.googleapis.com"),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", "https://updates.push.services.mozilla.com"),
        ("https://web.push.apple.com/abc", "https://web.push.apple.com"),
        ("https://wns2-par02p.notify.windows.com/w/?token=abc", "https://wns2-par02p.notify.windows.com"),
        ("https://FCM.googleapis.com:443/abc", "https://fcm.googleapis.com"),
        ("https://fcm.googleapis.com:8443/abc", "https://fcm.googleapis.com:8443"),
    ],
)
def test_the_push_services_of_browsers_are_called(endpoint: str, origin: str) -> None:
    assert read_subscription(subscribed(endpoint), SERVICES).origin == origin


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/abc",
        "https://127.0.0.1/abc",
        "http://localhost/abc",
        "https://10.0.0.7/abc",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/abc",
        "https://2130706433/abc",
        "https://intranet/abc",
        "https://evil.example/fcm.googleapis.com",
        "https://evilfcm.googleapis.com.example/abc",
        "https://notfcm.googleapis.com/abc",
        "https://fcm.googleapis.com@10.0.0.7/abc",
        "https://10.0.0.7#@fcm.googleapis.com/abc",
        "https://10.0.0.7\\@fcm.googleapis.com/abc",
        "https://user:secret@fcm.googleapis.com/abc",
        "https://fcm.googleapis.com./abc",
        "ftp://fcm.googleapis.com/abc",
        "file:///etc/passwd",
        "https://fcm.googleapis.com:99999/abc",
        "https:///abc",
        "//fcm.googleapis.com/abc",
        "https://fcm.googleapis.com/\r\nx: y",
        "",
        "https://fcm.googleapis.com/" + "a" * 3000,
    ],
)
def test_nothing_else_is_called(endpoint: str) -> None:
    with pytest.raises(ValueError, match="subscription") as caught:
        read_subscription(subscribed(endpoint), SERVICES)
    assert not endpoint or endpoint not in str(caught.value)


def test_a_host_of_ones_own_can_be_permitted() -> None:
    own = options(hosts=["Push.Example.com"]).hosts
    assert read_subscription(subscribed("https://a.push.example.com/x"), own).origin == "https://a.push.example.com"
    for host in ("https://push.example.com", "*", "a b", ""):
        with pytest.raises(ValueError, match="not the name of a host"):
            options(hosts=[host])


GOOD: dict[str, Any] = json.loads(Browser().subscription("https://web.push.apple.com/abc"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sample-token",
        "[]",
        "null",
        json.dumps({**GOOD, "keys": None}),
        json.dumps({"keys": GOOD["keys"]}),
        json.dumps({**GOOD, "endpoint": 7}),
        json.dumps({**GOOD, "keys": {**GOOD["keys"], "p256dh": b64(b"\x04" + b"\x01" * 64)}}),
        json.dumps({**GOOD, "keys": {**GOOD["keys"], "p256dh": "€"}}),
        json.dumps({**GOOD, "keys": {**GOOD["keys"], "auth": "short"}}),
        json.dumps({**GOOD, "keys": {**GOOD["keys"], "auth": b64(bytes(17))}}),
    ],
)
def test_what_is_no_subscription_is_an_answer(text: str) -> None:
    async def run() -> Answer:
        async with make_webpush(options(), "webpush", lambda: NOW) as adapter:
            return await adapter.send(Message("key", "", text, PushPayload("a", "b"), NOW))

    answer = asyncio.run(run())
    assert (answer.outcome, answer.reason, answer.gone) == (Outcome.REJECTED, "address_invalid", False)
    assert "subscription" in answer.detail
    assert GOOD["keys"]["auth"] not in answer.detail


# --- answers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "outcome", "reason", "gone"),
    [
        (Response(200), Outcome.ACCEPTED, "", False),
        (Response(201), Outcome.ACCEPTED, "", False),
        (Response(202), Outcome.ACCEPTED, "", False),
        (Response(404), Outcome.REJECTED, "subscription_gone", True),
        (Response(410, {"reason": "Unregistered"}), Outcome.REJECTED, "subscription_gone", True),
        (Response(413), Outcome.REJECTED, "message_unsuitable", False),
        (Response(429), Outcome.SENDING_REFUSED, "rate_limited", False),
        (Response(400, {"reason": "VapidPkHashMismatch"}), Outcome.SENDING_REFUSED, "vapid_refused", False),
        (Response(400, b"UnauthorizedRegistration"), Outcome.SENDING_REFUSED, "vapid_refused", False),
        (Response(403, {"reason": "BadJwtToken"}), Outcome.SENDING_REFUSED, "vapid_refused", False),
        (Response(403), Outcome.SENDING_REFUSED, "vapid_refused", False),
        (Response(401, {"code": 401, "errno": 109}), Outcome.SENDING_REFUSED, "vapid_refused", False),
        (Response(400, {"errno": 110}), Outcome.REJECTED, "request_refused", False),
        (Response(405), Outcome.REJECTED, "request_refused", False),
        (Response(500), Outcome.SENDING_REFUSED, "service_unavailable", False),
        (Response(503), Outcome.SENDING_REFUSED, "service_unavailable", False),
        (Response(502), Outcome.UNKNOWN, "service_unavailable", False),
        (Response(307), Outcome.UNKNOWN, "protocol_error", False),
    ],
)
def test_what_a_status_means(response: Response, outcome: Outcome, reason: str, gone: bool) -> None:
    [answer], _ = send(PushService([response]), PushPayload("a", "b"))
    assert (answer.outcome, answer.reason, answer.gone) == (outcome, reason, gone)
    assert reason in {"", *(one.value for one in find_kind("webpush", ADAPTERS).reasons)}


def test_the_log_has_how_long_to_wait_and_no_capability() -> None:
    said = Response(429, b"slow down, /push/a-capability", [("retry-after", "120")])
    [answer], _ = send(PushService([said]), PushPayload("a", "b"))
    assert answer.detail.startswith("Retry-After: 120 slow down")
    assert "a-capability" not in answer.detail


def test_a_message_that_is_too_large_is_not_sent() -> None:
    service = PushService()
    fixed = len(json.dumps({"title": "", "body": "", "tag": "x" * 22}, separators=(",", ":")))
    largest = PushPayload("", "ü" * ((LARGEST - fixed) // 2))
    larger = PushPayload("", largest.body + "ab")
    answers, requests = send(service, largest, larger)
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.REJECTED]
    assert answers[1].reason == "message_unsuitable"
    assert "3993" in answers[1].detail
    assert [len(request.body) for request in requests] in ([4095], [4096])


def test_a_push_service_that_is_away_does_not_stop_the_others(tmp_path: Path) -> None:
    async def run() -> list[Outcome]:
        async with fake_http(PushService()) as fake, make_webpush(options(), "webpush", lambda: NOW) as adapter:
            outcomes = []
            for endpoint in ("http://127.0.0.1:9/a", f"{fake.url}/push/a", "http://127.0.0.1:9/a"):
                to = Browser().subscription(endpoint)
                outcomes.append((await adapter.send(Message("key", "", to, PushPayload("a", "b"), NOW))).outcome)
            return outcomes

    assert asyncio.run(run()) == [Outcome.ADAPTER_DOWN, Outcome.ACCEPTED, Outcome.SENDING_REFUSED]
