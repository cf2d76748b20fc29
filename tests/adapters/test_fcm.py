"""The fcm adapter: what it asks of Google, its access tokens, and what FCM's answers mean."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from adapters.base import Answer, Outcome, PushPayload
from adapters.fcm.adapter import FcmAdapter
from adapters.kinds import make_adapter
from adapters.registry import ADAPTERS
from tests.adapters.emails import SECRET
from tests.adapters.fake_fcm import (
    NOW,
    PROJECT,
    UNAUTHENTICATED,
    FakeFcm,
    account,
    pem,
    sent,
)
from tests.adapters.fake_http import HangUp, Response, Silence
from tests.adapters.using_fcm import TOKEN, answers, message, only, use

TAG = "210b34adecac1a4fc5849e6a"


# --- the request ------------------------------------------------------------------------------------------------------


def test_a_plain_push() -> None:
    fcm = FakeFcm()
    answer = only(fcm)
    assert answer == Answer(Outcome.ACCEPTED, reference="0:1%1")
    (request,) = fcm.messages
    assert sent(request) == {
        "token": TOKEN,
        "notification": {"title": "Hello", "body": "A gift"},
        "android": {"collapse_key": TAG, "priority": "HIGH", "ttl": "86400s", "notification": {"tag": TAG}},
        "apns": {
            "headers": {
                "apns-collapse-id": TAG,
                "apns-expiration": str((NOW - 60_000) // 1_000 + 86_400),
                "apns-priority": "10",
            }
        },
        "webpush": {"headers": {"TTL": "86400", "Urgency": "high"}, "notification": {"tag": TAG}},
    }


def test_a_push_with_everything() -> None:
    fcm = FakeFcm()
    payload = PushPayload("Hi", "B", "https://x.example/i.png", "https://x.example/a", {"k": "v", "n": "1"})
    (answer,) = answers(fcm, message(payload), time_to_live=60, priority="normal", android_channel="offers")
    assert answer.outcome is Outcome.ACCEPTED
    (request,) = fcm.messages
    body = sent(request)
    assert body["notification"] == {"title": "Hi", "body": "B", "image": "https://x.example/i.png"}
    assert body["data"] == {"k": "v", "n": "1", "link": "https://x.example/a"}
    android, apns, webpush = body["android"], body["apns"], body["webpush"]
    assert isinstance(android, dict)
    assert isinstance(apns, dict)
    assert isinstance(webpush, dict)
    assert (android["ttl"], android["priority"]) == ("60s", "NORMAL")
    assert android["notification"] == {"tag": TAG, "channel_id": "offers"}
    assert (apns["headers"]["apns-priority"], apns["payload"]) == ("5", {"aps": {"mutable-content": 1}})
    assert apns["fcm_options"] == {"image": "https://x.example/i.png"}
    assert webpush["fcm_options"] == {"link": "https://x.example/a"}
    assert webpush["headers"] == {"TTL": "60", "Urgency": "normal"}


def test_a_browser_gets_no_link_of_an_app() -> None:
    fcm = FakeFcm()
    only(fcm, PushPayload("Hi", "B", link="maison://a"))
    webpush = sent(fcm.messages[0])["webpush"]
    assert isinstance(webpush, dict)
    assert "fcm_options" not in webpush


def test_a_message_that_is_not_kept_expires_at_once_everywhere() -> None:
    fcm = FakeFcm()
    only(fcm, time_to_live=0)
    told = json.dumps(sent(fcm.messages[0]))
    for said in ('"ttl": "0s"', '"apns-expiration": "0"', '"TTL": "0"'):
        assert said in told


def test_each_message_has_a_tag_of_its_own_that_stays() -> None:
    fcm = FakeFcm()
    answers(fcm, message(key="action-1"), message(key="action-2"), message(key="action-1"))
    tags = [sent(request)["android"] for request in fcm.messages]
    assert tags[0] == tags[2] != tags[1]


def test_a_push_that_is_too_large_is_refused_before_it_departs() -> None:
    departed: list[bool] = []
    got: list[Answer] = []

    async def work(adapter: FcmAdapter) -> None:
        large = message(PushPayload("Hi", "\n" * 2_100))
        got.append(await adapter.send_telling(large, lambda: departed.append(True)))

    server = use(FakeFcm(), work)
    assert (got[0].outcome, got[0].reason, got[0].gone) == (Outcome.REJECTED, "message_unsuitable", False)
    assert "4,2" in got[0].detail
    assert (departed, server.requests) == ([], [])


def test_half_a_surrogate_pair_is_sent_as_a_question_mark() -> None:
    fcm = FakeFcm()
    assert only(fcm, PushPayload("Hi \ud83c", "B")).outcome is Outcome.ACCEPTED
    assert sent(fcm.messages[0])["notification"] == {"title": "Hi ?", "body": "B"}


# --- access tokens ----------------------------------------------------------------------------------------------------


def test_fifty_messages_at_once_ask_for_one_token() -> None:
    fcm = FakeFcm()
    got = answers(fcm, *(message(key=f"action-{number}") for number in range(50)), at_once=True)
    assert {answer.outcome for answer in got} == {Outcome.ACCEPTED}
    assert len(fcm.given) == 1


@pytest.mark.parametrize(
    ("lasts", "seconds", "asked"),
    [(3_600, 3_299, 1), (3_600, 3_300, 2), (60, 29, 1), (60, 30, 2), (None, 3_299, 1), (None, 3_300, 2), (0, 3_299, 1)],
)
def test_a_token_is_replaced_before_it_expires(lasts: object, seconds: int, asked: int) -> None:
    times = [NOW]
    fcm = FakeFcm(lasts=lasts, now=lambda: times[-1])

    async def work(adapter: FcmAdapter) -> None:
        assert (await adapter.send(message())).outcome is Outcome.ACCEPTED
        times.append(NOW + seconds * 1_000)
        assert (await adapter.send(message())).outcome is Outcome.ACCEPTED

    use(fcm, work)
    assert len(fcm.given) == asked


def test_a_refused_token_is_replaced_once_for_all_messages() -> None:
    fcm = FakeFcm()
    got: list[Answer] = []

    async def work(adapter: FcmAdapter) -> None:
        got.append(await adapter.send(message()))
        fcm.given.append("revoked all others")
        many = (message(key=f"action-{number}") for number in range(20))
        got.extend(await asyncio.gather(*map(adapter.send, many)))

    use(fcm, work)
    assert {answer.outcome for answer in got} == {Outcome.ACCEPTED}
    assert len(fcm.given) == 3
    assert len(fcm.messages) == 21


def test_a_message_asks_again_before_its_second_departure() -> None:
    fcm = FakeFcm()
    departures: list[int] = []

    def departing() -> None:
        departures.append(len(fcm.messages))
        if len(departures) == 2:
            raise TimeoutError

    async def work(adapter: FcmAdapter) -> None:
        await adapter.send(message())
        fcm.given.append("revoked all others")
        with pytest.raises(TimeoutError):
            await adapter.send_telling(message(), departing)

    use(fcm, work)
    assert departures == [1, 1]
    assert len(fcm.messages) == 1


def test_a_token_that_stays_refused_is_no_endless_loop() -> None:
    fcm = FakeFcm(lambda _: UNAUTHENTICATED)
    answer = only(fcm)
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "auth_failed")
    assert SECRET not in answer.detail
    assert len(fcm.given) == 2


@pytest.mark.parametrize(
    ("response", "reason", "said"),
    [
        (Response(400, {"error": "invalid_grant", "error_description": SECRET}), "auth_failed", "clock is right"),
        (Response(401, {"error": "invalid_client"}), "auth_failed", "still exists"),
        (Response(403, {"error": {"message": SECRET}}), "auth_failed", "check the service account"),
        (Response(400, b"<html>"), "auth_failed", "check the service account"),
        (Response(429), "auth_unavailable", "429"),
        (Response(503, {"error": "internal_failure"}), "auth_unavailable", "503"),
        (Response(200, {"expires_in": 3_600}), "auth_unavailable", "has no access token"),
        (Response(200, {"access_token": f"{SECRET}\r\nx: y"}), "auth_unavailable", "has no access token"),
        (Response(200, b"<html>"), "auth_unavailable", "has no access token"),
        (HangUp(), "auth_unavailable", "broke"),
        (Silence(), "auth_unavailable", "did not answer"),
    ],
)
def test_without_a_token_nothing_is_sent(response: Response | HangUp | Silence, reason: str, said: str) -> None:
    fcm = FakeFcm(token_answer=lambda _: response)
    got = answers(fcm, message(), message(key="action-2"), at_once=True, answer_timeout=0.2)
    for answer in got:
        assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, reason)
        assert said in answer.detail
        assert SECRET not in answer.detail


def test_a_cancelled_message_leaves_the_token_to_the_others() -> None:
    fcm = FakeFcm()

    async def work(adapter: FcmAdapter) -> None:
        first = asyncio.create_task(adapter.send(message()))
        await asyncio.sleep(0)
        second = asyncio.create_task(adapter.send(message(key="action-2")))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).outcome is Outcome.ACCEPTED
        with pytest.raises(asyncio.CancelledError):
            await first

    use(fcm, work)
    assert len(fcm.given) == 1


def test_closing_stops_a_request_for_a_token() -> None:
    async def work(adapter: FcmAdapter) -> None:
        waiting = asyncio.create_task(adapter.send(message()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    use(FakeFcm(token_answer=lambda _: Silence()), work)


# --- options ----------------------------------------------------------------------------------------------------------


def made(**options: object) -> FcmAdapter:
    adapter = make_adapter("fcm", options, ADAPTERS, lambda: NOW)
    assert isinstance(adapter, FcmAdapter)
    return adapter


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "service_account: it is not JSON"),
        ("[]", "service_account: it is not a service account"),
        ("{}", "wrong: `client_email`, `private_key`"),
        (account("https://x", private_key=SECRET), "`private_key` is not an RSA key in PEM"),
        (account("https://x", token_uri="http://tokens.example.com"), "`token_uri`: `http://tokens.example.com` is not encrypted"),
        (account("https://x", project_id=""), "it has no `project_id`: set `project`"),
    ],
)  # fmt: skip
def test_a_service_account_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^service_account: ") as caught:
        made(service_account=text)
    file = tmp_path / "fcm.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"^service_account_file: {file}: ") as of_file:
        made(service_account_file=file)
    assert said in str(caught.value)
    for error in (caught.value, of_file.value):
        assert SECRET not in str(error)
        assert error.__cause__ is None


def test_the_service_account_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "fcm.json"
    file.write_text(account("https://oauth.example.com"), encoding="utf-8")
    assert made(service_account_file=file).name == "fcm"
    with pytest.raises(ValueError, match=r"nothing.json: No such file"):
        made(service_account_file=tmp_path / "nothing.json")


@pytest.mark.parametrize("options", [{}, {"service_account": "{}", "service_account_file": "a.json"}])
def test_there_is_one_service_account(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="set service_account_file, or HABITUE_ADAPTERS__FCM__SERVICE_ACCOUNT"):
        made(**options)


def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    adapter = made(service_account=account("https://oauth.example.com"), project=PROJECT)
    shown = f"{adapter!r} {vars(adapter)!r} {vars(vars(adapter)['_access'])!r}"
    for line in pem().splitlines()[1:-1]:
        assert line not in shown
