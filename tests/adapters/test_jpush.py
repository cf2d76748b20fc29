"""JPush: what a push looks like, its keys, and what its error codes mean."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.base import Answer, GivesSendKeys, Message, Outcome, PushPayload
from adapters.jpush.adapter import JPushAdapter
from adapters.jpush.notification import notification
from adapters.jpush.options import JPushOptions
from adapters.jpush.outcomes import ERRORS
from adapters.kinds import find_kind
from adapters.registry import ADAPTERS
from tests.adapters.emails import AT, SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Script, Silence, fake_http
from tests.adapters.jpush_api import APP_KEY, DEVICE, JPushApi, refusal

HELLO = PushPayload("Hi", "Ann")


def with_adapter(script: Script, work: Callable[[JPushAdapter], Awaitable[object]], **changes: object) -> object:
    async def run() -> object:
        async with fake_http(script) as fake:
            given = {"url": fake.url, "app_key": APP_KEY, "master_secret": SECRET, **changes}
            async with JPushAdapter(JPushOptions.model_validate(given)) as adapter:
                return await work(adapter)

    return asyncio.run(run())


def push(script: Script, *messages: Message, **changes: object) -> list[Answer]:
    async def work(adapter: JPushAdapter) -> list[Answer]:
        return [await adapter.send(message) for message in messages or [Message("key", "", DEVICE, HELLO, AT)]]

    answers = with_adapter(script, work, **changes)
    assert isinstance(answers, list)
    return answers


def test_a_push_is_for_one_device_on_either_platform() -> None:
    api = JPushApi()
    [answer] = push(api, time_to_live=60, apns_production=False)
    assert (answer.outcome, answer.reference) == (Outcome.ACCEPTED, "18100000001")
    assert api.made == [
        {
            "platform": ["android", "ios"],
            "audience": {"registration_id": [DEVICE]},
            "notification": {
                "android": {"alert": "Ann", "title": "Hi", "extras": {}},
                "ios": {"alert": {"title": "Hi", "body": "Ann"}, "sound": "default", "extras": {}},
            },
            "options": {"time_to_live": 60, "apns_production": False},
        }
    ]


def test_image_link_and_data() -> None:
    image = "https://example.com/a.png"
    made = notification(PushPayload("Hi", "Ann", image, "shop://gift", {"order": "7"}))
    extras = {"order": "7", "link": "shop://gift", "image": image}
    assert made["android"] == {
        "alert": "Ann",
        "title": "Hi",
        "extras": extras,
        "style": 3,
        "big_pic_path": image,
        "intent": {"url": "shop://gift"},
    }
    assert made["ios"] == {
        "alert": {"title": "Hi", "body": "Ann"},
        "sound": "default",
        "extras": extras,
        "mutable-content": True,
    }


def test_a_web_link_is_left_to_the_app() -> None:
    made = notification(PushPayload("Hi", "Ann", link="https://example.com/gift"))
    assert made["android"] == {"alert": "Ann", "title": "Hi", "extras": {"link": "https://example.com/gift"}}


@pytest.mark.parametrize("device", ["", "two words", f"{DEVICE},other", "设备", '"]'])
def test_what_is_no_registration_id_is_not_sent(device: str) -> None:
    api = JPushApi()
    [answer] = push(api, Message("key", "", device, HELLO, AT))
    assert (answer.outcome, answer.reason, api.calls) == (Outcome.REJECTED, "address_invalid", 0)


# --- keys ----------------------------------------------------------------------------------------------------------------


def keys(script: Script, count: int, **changes: object) -> object:
    return with_adapter(script, lambda adapter: adapter.send_keys(count), **changes)


@pytest.mark.parametrize(
    ("count", "at_once", "asked"),
    [(1, 10, [1]), (25, 10, [5, 10, 10]), (25, 1000, [25]), (2500, 1000, [500, 1000, 1000])],
)
def test_keys_come_in_as_few_calls_as_the_account_permits(count: int, at_once: int, asked: list[int]) -> None:
    api = JPushApi(most=at_once)
    given = keys(api, count, keys_at_once=at_once)
    assert isinstance(given, list)
    assert (len(given), len(set(given)), sorted(api.asked)) == (count, count, asked)
    assert set(given) == set(api.keys)


def test_of_one_key_only_one_push_is_made() -> None:
    api = JPushApi(lost=1)

    async def work(adapter: JPushAdapter) -> list[Answer]:
        assert isinstance(adapter, GivesSendKeys)
        given = await adapter.send_keys(2)
        assert not isinstance(given, Answer)
        return [
            await adapter.send(Message("key", "", DEVICE, HELLO, AT, send_key=key))
            for key in (given[0], given[0], given[1])
        ]

    answers = with_adapter(api, work)
    assert isinstance(answers, list)
    assert [answer.outcome for answer in answers] == [Outcome.UNKNOWN, Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert [answer.reference for answer in answers] == ["", "18100000001", "18100000002"]
    assert [one["cid"] for one in api.made] == api.keys


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (lambda _: refusal(429, 2002), "rate_limited"),
        (lambda _: refusal(401, 1004, f"Authen failed {SECRET}"), "auth_failed"),
        (lambda _: Response(500), "service_unavailable"),
        (lambda _: Response(200, {"cidlist": ["one"]}), "protocol_error"),
        (lambda _: Response(200, {"cidlist": "many"}), "protocol_error"),
        (lambda _: Response(200, b"not JSON"), "protocol_error"),
        (lambda _: HangUp(), "disconnected"),
        (lambda _: Silence(), "timeout"),
    ],
)
def test_without_keys_the_adapter_is_down(script: Script, reason: str) -> None:
    answer = keys(script, 3, answer_timeout=0.2)
    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, reason)
    assert SECRET not in answer.detail


def test_an_account_that_gets_fewer_keys_at_once_is_told_so() -> None:
    answer = keys(JPushApi(most=10), 500, keys_at_once=1000)
    assert isinstance(answer, Answer)
    assert "10 keys instead of 500: see the option keys_at_once" in answer.detail


# --- answers -------------------------------------------------------------------------------------------------------------

TABLE = {
    1000: (500, Outcome.SENDING_REFUSED, "service_unavailable"),
    1001: (405, Outcome.REJECTED, "request_refused"),
    1002: (400, Outcome.REJECTED, "request_refused"),
    1003: (400, Outcome.REJECTED, "request_refused"),
    1004: (401, Outcome.ADAPTER_DOWN, "auth_failed"),
    1005: (400, Outcome.REJECTED, "message_unsuitable"),
    1008: (400, Outcome.ADAPTER_DOWN, "auth_failed"),
    1009: (400, Outcome.REJECTED, "request_refused"),
    1011: (400, Outcome.REJECTED, "no_device"),
    1012: (400, Outcome.SENDING_REFUSED, "rate_limited"),
    1020: (404, Outcome.REJECTED, "request_refused"),
    1030: (503, Outcome.UNKNOWN, "service_unavailable"),
    2002: (429, Outcome.SENDING_REFUSED, "rate_limited"),
    2003: (403, Outcome.SENDING_REFUSED, "not_authorised"),
    2004: (403, Outcome.SENDING_REFUSED, "not_authorised"),
    2005: (403, Outcome.SENDING_REFUSED, "rate_limited"),
    2006: (403, Outcome.SENDING_REFUSED, "not_authorised"),
    2007: (403, Outcome.SENDING_REFUSED, "not_authorised"),
}
"""The codes that JPush publishes, each with its status."""


@pytest.mark.parametrize("code", TABLE)
def test_what_an_error_code_means(code: int) -> None:
    status, outcome, reason = TABLE[code]
    [answer] = push(JPushApi([refusal(status, code, f"{SECRET} {DEVICE} says no")]))
    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert answer.detail == f"{code} … … says no"
    assert reason in {one.value for one in find_kind("jpush", ADAPTERS).reasons}


def test_every_code_that_the_adapter_knows_is_published() -> None:
    assert ERRORS.keys() <= TABLE.keys()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {"code": "x"}}'])
def test_an_answer_that_is_no_json_of_jpush(body: bytes) -> None:
    [answer] = push(lambda _: Response(500, body))
    assert (answer.outcome, answer.reason) == (Outcome.SENDING_REFUSED, "service_unavailable")
    [answer] = push(lambda _: Response(200, body))
    assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "protocol_error")


def test_a_device_is_gone_only_if_the_app_key_is_that_of_others() -> None:
    def script(request: Request) -> Response:
        return Response(200, {"msg_id": "1"}) if b"here" in request.body else refusal(400, 1011)

    here, away = (Message("key", "", device, HELLO, AT) for device in ("here", "away"))
    assert [answer.gone for answer in push(script, away, here, away)] == [False, False, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://api.jpush.cn"},
        {"app_key": ""},
        {"app_key": "a:b"},
        {"keys_at_once": 0},
        {"time_to_live": 864_001},
    ],
)
def test_options_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        JPushOptions.model_validate({"app_key": APP_KEY, "master_secret": SECRET, **changes})
