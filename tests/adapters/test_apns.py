"""The apns adapter: what it asks of APNs, its provider token, and what APNs' answers mean."""

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters.apns.adapter import ApnsAdapter
from adapters.apns.outcomes import HINTS, MEANINGS
from adapters.base import Answer, Message, Outcome, PushPayload
from adapters.kinds import make_adapter
from adapters.registry import ADAPTERS
from tests.adapters.fake_apns import DEVICE, KEY_ID, NOW, TEAM_ID, TOPIC, FakeApns, apns_adapter, apns_error, key, pem
from tests.adapters.fake_http import Request, Response
from tests.adapters.fake_http2 import GoAway

PAYLOAD = PushPayload("Hello", "A gift")
NAME = "0a0d7ebc-1c20-5314-a47b-d5650b6de386"


def message(payload: PushPayload = PAYLOAD, key: str = "action-1", device: str = DEVICE) -> Message:
    return Message(key, "hello@example.com", device, payload, NOW - 60_000)


def answers(apns: FakeApns, folder: Path, *messages: Message, **changes: object) -> list[Answer]:
    async def run() -> list[Answer]:
        async with apns_adapter(apns, folder, **changes) as (adapter, _):
            return [await adapter.send(one) for one in messages]

    return asyncio.run(run())


def only(apns: FakeApns, folder: Path, payload: PushPayload = PAYLOAD, **changes: object) -> Answer:
    (answer,) = answers(apns, folder, message(payload), **changes)
    return answer


def body(request: Request) -> object:
    return json.loads(request.body)


# --- the request ------------------------------------------------------------------------------------------------------


def test_a_plain_push(tmp_path: Path) -> None:
    apns = FakeApns()
    assert only(apns, tmp_path) == Answer(Outcome.ACCEPTED, reference=NAME)
    (request,) = apns.messages
    assert request.target == f"/3/device/{DEVICE}"
    assert body(request) == {"aps": {"alert": {"title": "Hello", "body": "A gift"}}}
    sent = {name: value for name, value in request.headers.items() if name.startswith("apns-")}
    assert sent == {
        "apns-id": NAME,
        "apns-collapse-id": NAME,
        "apns-expiration": str((NOW - 60_000) // 1_000 + 86_400),
        "apns-priority": "10",
        "apns-push-type": "alert",
        "apns-topic": TOPIC,
    }


def test_a_push_with_everything(tmp_path: Path) -> None:
    apns = FakeApns()
    payload = PushPayload("Hi", "B", "https://x.example/i.png", "maison://a", {"k": "v"})
    only(apns, tmp_path, payload, time_to_live=0, priority="normal")
    (request,) = apns.messages
    assert body(request) == {
        "k": "v",
        "link": "maison://a",
        "image": "https://x.example/i.png",
        "aps": {"alert": {"title": "Hi", "body": "B"}, "mutable-content": 1},
    }
    assert request.headers["apns-expiration"] == "0"
    assert request.headers["apns-priority"] == "5"


def test_each_message_has_an_id_of_its_own_that_stays(tmp_path: Path) -> None:
    apns = FakeApns()
    keys = ("action-1", "action-2", "action-1", "odd \ud83c key")
    got = answers(apns, tmp_path, *(message(key=one) for one in keys))
    assert got[0].reference == got[2].reference
    assert len({answer.reference for answer in got}) == 3


def test_a_push_that_is_too_large_is_refused_before_it_departs(tmp_path: Path) -> None:
    departed: list[bool] = []

    async def run() -> Answer:
        async with apns_adapter(FakeApns(), tmp_path) as (adapter, server):
            fits = message(PushPayload("Hi", "x" * (4_096 - len('{"aps":{"alert":{"title":"Hi","body":""}}}'))))
            assert (await adapter.send(fits)).outcome is Outcome.ACCEPTED
            larger = message(PushPayload("Hi!", fits.payload.body))
            answer = await adapter.send_telling(larger, lambda: departed.append(True))
            assert len(server.requests) == 1
            return answer

    answer = asyncio.run(run())
    assert (answer.outcome, answer.reason, answer.gone) == (Outcome.REJECTED, "message_unsuitable", False)
    assert "4,097 octets; APNs takes 4,096" in answer.detail
    assert not departed


def test_half_a_surrogate_pair_is_sent_as_a_question_mark(tmp_path: Path) -> None:
    apns = FakeApns()
    assert only(apns, tmp_path, PushPayload("Hi \ud83c", "B")).outcome is Outcome.ACCEPTED
    assert body(apns.messages[0]) == {"aps": {"alert": {"title": "Hi ?", "body": "B"}}}


@pytest.mark.parametrize("device", ["", "abc", "fcm:token", "00/../11", "00?x", "zz", "00 11", "é" * 8])
def test_what_cannot_be_a_token_of_apple_is_not_sent(tmp_path: Path, device: str) -> None:
    apns = FakeApns()
    (answer,) = answers(apns, tmp_path, message(device=device))
    assert (answer.outcome, answer.reason, answer.gone) == (Outcome.REJECTED, "address_invalid", False)
    assert not apns.messages


# --- the provider token -----------------------------------------------------------------------------------------------


def stated_at(folder: Path, *seconds: int) -> Sequence[int]:
    """Return which times the tokens state of messages that are sent so many seconds after ``NOW``, as differences."""
    times = [NOW]
    apns = FakeApns(now=lambda: times[-1])

    async def run() -> None:
        async with apns_adapter(apns, folder) as (adapter, _):
            for after in seconds:
                times.append(NOW + after * 1_000)
                assert (await adapter.send(message())).outcome is Outcome.ACCEPTED

    asyncio.run(run())
    return [stated - NOW // 1_000 for stated in apns.stated]


def test_a_token_is_used_for_half_an_hour(tmp_path: Path) -> None:
    assert stated_at(tmp_path, 300, 301, 900, 2_099) == [0]
    assert stated_at(tmp_path, 299, 300, 2_099, 2_100, 3_899, 3_900) == [-1_800, 0, 1_800, 3_600]


def test_workers_that_start_later_state_the_same_time(tmp_path: Path) -> None:
    assert stated_at(tmp_path, 700) == stated_at(tmp_path, 1_400) == [0]


def test_a_clock_that_is_set_back_is_followed(tmp_path: Path) -> None:
    assert stated_at(tmp_path, 4_000, 400) == [3_600, 0]


def test_a_token_is_signed_once(tmp_path: Path) -> None:
    apns = FakeApns()
    answers(apns, tmp_path, message(), message(key="action-2"))
    assert len({request.headers["authorization"] for request in apns.messages}) == 1


# --- what answers mean ------------------------------------------------------------------------------------------------

STATUS = {
    400: "BadCollapseId BadDeviceToken BadExpirationDate BadMessageId BadPriority BadTopic DeviceTokenNotForTopic "
    "DuplicateHeaders IdleTimeout InvalidPushType MissingDeviceToken MissingTopic PayloadEmpty TopicDisallowed",
    403: "BadCertificate BadCertificateEnvironment BadEnvironmentKeyIdInToken BadEnvironmentKeyInToken "
    "ExpiredProviderToken Forbidden InvalidProviderToken MissingProviderToken UnrelatedKeyIdInToken",
    404: "BadPath",
    405: "MethodNotAllowed",
    410: "ExpiredToken Unregistered",
    413: "PayloadTooLarge",
    429: "TooManyProviderTokenUpdates TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable Shutdown",
}
"""The table of Apple's documentation."""
DOWN = "BadTopic MissingTopic TopicDisallowed BadCertificate BadCertificateEnvironment BadEnvironmentKeyIdInToken BadEnvironmentKeyInToken ExpiredProviderToken InvalidProviderToken MissingProviderToken UnrelatedKeyIdInToken"
REJECTED = "BadDeviceToken DeviceTokenNotForTopic PayloadEmpty PayloadTooLarge ExpiredToken Unregistered"
RETRY = "IdleTimeout TooManyRequests"


def outcome_of(word: str) -> Outcome:
    for outcome, words in ((Outcome.ADAPTER_DOWN, DOWN), (Outcome.REJECTED, REJECTED), (Outcome.RETRY, RETRY)):
        if word in words.split():
            return outcome
    return Outcome.SENDING_REFUSED


@pytest.mark.parametrize(
    ("status", "word"), [(status, word) for status, words in STATUS.items() for word in words.split()]
)
def test_what_an_answer_means(tmp_path: Path, status: int, word: str) -> None:
    answer = only(FakeApns(lambda _: apns_error(status, word, timestamp=NOW)), tmp_path)
    assert answer.outcome is outcome_of(word)
    assert answer.gone is (status == 410)
    assert answer.detail.startswith(f"HTTP status {status}, {word}")


def test_the_table_has_every_reason() -> None:
    assert {word for words in STATUS.values() for word in words.split()} == MEANINGS.keys()
    assert HINTS.keys() <= MEANINGS.keys()


@pytest.mark.parametrize("word", ["BadDeviceToken", "DeviceTokenNotForTopic"])
def test_a_device_of_another_app_is_gone_once_the_configuration_has_proved_right(tmp_path: Path, word: str) -> None:
    wrong = "11" * 32
    apns = FakeApns(lambda request: apns_error(400, word) if request.target.endswith(wrong) else None)
    before, good, after = answers(apns, tmp_path, message(device=wrong), message(), message(device=wrong))
    assert (before.outcome, before.reason, before.gone) == (Outcome.REJECTED, "other_app", False)
    assert good.outcome is Outcome.ACCEPTED
    assert (after.outcome, after.reason, after.gone) == (Outcome.REJECTED, "device_gone", True)


@pytest.mark.parametrize(
    ("response", "outcome", "reason", "gone"),
    [
        (Response(410), Outcome.REJECTED, "device_gone", True),
        (Response(400, {"reason": "Something new"}), Outcome.REJECTED, "request_refused", False),
        (Response(400, {"reason": "SomethingNew"}), Outcome.REJECTED, "request_refused", False),
        (Response(403, [7]), Outcome.SENDING_REFUSED, "not_authorised", False),
        (Response(429, b"<html>"), Outcome.SENDING_REFUSED, "rate_limited", False),
        (Response(502, {"reason": 7}), Outcome.UNKNOWN, "service_unavailable", False),
        (Response(204), Outcome.UNKNOWN, "protocol_error", False),
    ],
)
def test_what_other_answers_mean(tmp_path: Path, response: Response, outcome: Outcome, reason: str, gone: bool) -> None:
    answer = only(FakeApns(lambda _: response), tmp_path)
    assert (answer.outcome, answer.reason, answer.gone) == (outcome, reason, gone)
    assert re.fullmatch(r"HTTP status \d{3}(, \w+)?", answer.detail)


@pytest.mark.parametrize("second", ["key_id", "team_id"])
def test_a_wrong_key_is_the_adapters_fault(tmp_path: Path, second: str) -> None:
    changes: dict[str, object] = {second: "WRONG12345"}
    (answer,) = answers(FakeApns(), tmp_path, message(), **changes)
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "auth_failed")
    assert (
        answer.detail == "HTTP status 403, InvalidProviderToken, check key, key_id, team_id, and this machine's clock"
    )


def test_a_clock_that_is_wrong_is_the_adapters_fault(tmp_path: Path) -> None:
    late = FakeApns()

    async def run() -> Answer:
        async with apns_adapter(late, tmp_path) as (adapter, _):
            late.now = lambda: NOW + 3_600_000
            return await adapter.send(message())

    answer = asyncio.run(run())
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "auth_failed")
    assert "check this machine's clock" in answer.detail


def test_when_apple_restarts_only_what_it_may_have_taken_is_unknown(tmp_path: Path) -> None:
    left = [GoAway()]

    def answer(request: Request) -> GoAway | None:
        return left.pop() if left and request.target.endswith("07") else None

    apns = FakeApns(answer)

    async def run() -> Sequence[Answer]:
        async with apns_adapter(apns, tmp_path) as (adapter, server):
            await adapter.send(message())
            server.hold = 21
            many = (message(key=f"action-{n}", device=f"{n:064d}") for n in range(20))
            got = await asyncio.gather(*map(adapter.send, many))
            assert server.connections == 2
            return got

    got = asyncio.run(run())
    unknown = [number for number, one in enumerate(got) if one.outcome is Outcome.UNKNOWN]
    assert unknown == [7]
    assert all(one.outcome is Outcome.ACCEPTED for number, one in enumerate(got) if number != 7)
    arrived = sorted(request.target for request in apns.messages[1:])
    assert arrived == [f"/3/device/{n:064d}" for n in range(20) if n != 7]  # each once


# --- options ----------------------------------------------------------------------------------------------------------

GOOD = {"key_id": KEY_ID, "team_id": TEAM_ID, "topic": TOPIC}


def made(**options: object) -> ApnsAdapter:
    adapter = make_adapter("apns", options, ADAPTERS, lambda: NOW)
    assert isinstance(adapter, ApnsAdapter)
    return adapter


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key_id": "abc"}, "set key_id: ten capital letters and digits"),
        ({"team_id": ""}, "set team_id: ten capital letters and digits"),
        ({"topic": "com.example app"}, "set topic: the bundle ID of the app"),
        ({"key": ""}, "set key_file, or HABITUE_ADAPTERS__APNS__KEY in the environment"),
        ({"key_file": "a.p8"}, "set key_file, or HABITUE_ADAPTERS__APNS__KEY in the environment"),
        ({"url": "http://apns.example.com"}, "is not encrypted"),
        ({"environment": "development"}, "`environment`"),
        ({"connections": 101}, "`connections`"),
    ],
)
def test_options_that_are_wrong(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]") as caught:
        made(**{**GOOD, "key": pem(), **changes})
    assert said in str(caught.value)
    assert pem() not in str(caught.value)


def other_key() -> str:
    other = generate_private_key(SECP384R1())
    return other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key() -> str:
    return key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("text", ["nonsense", other_key(), public_key()], ids=["nonsense", "curve", "public"])
def test_a_key_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "AuthKey.p8"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"^key: it is not the \.p8 file of an APNs key"):
        made(**GOOD, key=text)
    with pytest.raises(ValueError, match=rf"^key_file: {file}: it is not the \.p8 file") as caught:
        made(**GOOD, key_file=file)
    assert text not in str(caught.value)


def test_the_key_may_be_a_file_or_one_line_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "AuthKey.p8"
    file.write_text(pem(), encoding="utf-8")
    assert made(**GOOD, key_file=file).name == "apns"
    assert made(**GOOD, key=pem().replace("\n", "\\n")).name == "apns"
    with pytest.raises(ValueError, match=r"nothing\.p8: No such file"):
        made(**GOOD, key_file=tmp_path / "nothing.p8")


def test_key_token_and_device_are_shown_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    apns = FakeApns()

    async def run() -> str:
        async with apns_adapter(apns, tmp_path) as (adapter, _):
            answer = await adapter.send(message())
            return f"{adapter!r} {vars(adapter)!r} {answer!r} {caplog.text}"

    shown = asyncio.run(run())
    token = apns.messages[0].headers["authorization"].split()[1]
    for secret in (*pem().splitlines()[1:-1], token, DEVICE):
        assert secret not in shown
