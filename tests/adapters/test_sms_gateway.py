"""The SMS gateway adapter: requests from settings, answers by patterns, and settings that make no sense."""

import asyncio
from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from adapters.base import Answer, Message, Outcome, SmsPayload
from adapters.sms_gateway.adapter import SmsGatewayAdapter
from adapters.sms_gateway.options import SmsGatewayOptions
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import FakeHttp, HangUp, Request, Response, fake_http
from tests.adapters.kannel import SETTINGS
from tests.adapters.kannel_settings import kannels_own
from tests.adapters.sms_gateways import FORM

NUMBER = "+8613812345678"
FIELDS = {"to": "{to}", "text": "{text}"}
LOCAL = {"url": "http://127.0.0.1:9/send", "fields": FIELDS}


def fine(_: Request) -> Response:
    return Response(200, b"OK")


def sent(
    options: Mapping[str, object], text: str = "Hello", recipient: str = NUMBER, answer: Response | HangUp | None = None
) -> tuple[Answer, FakeHttp]:
    async def run() -> tuple[Answer, FakeHttp]:
        async with fake_http((lambda _: answer) if answer else fine) as fake:
            checked = SmsGatewayOptions.model_validate({"url": f"{fake.url}/send", "answer_timeout": 5, **options})
            async with SmsGatewayAdapter(checked) as adapter:
                return await adapter.send(Message("action-1", "", recipient, SmsPayload(text), 0)), fake

    return asyncio.run(run())


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        ("Hello Ann, 5 € [off] ~ {now} \\ ^ |\n\f", "0"),
        ("ÄÖÑÜ äöñüà ΔΦΓΛΩ ÆæßÉ ¡¿§ @£$¥", "0"),
        ("naïve", "2"),
        ("ç", "2"),
        ("`", "2"),
        ("“quoted”", "2"),
        ("欢迎", "2"),
        ("🎁", "2"),
        ("", "0"),
    ],
)
def test_the_coding_is_what_the_text_needs(text: str, coding: str) -> None:
    _, fake = sent({"fields": {**FIELDS, "coding": "{coding}"}}, text)
    assert fake.requests[0].form == {"to": NUMBER, "text": text, "coding": coding}


def test_what_stands_for_a_placeholder_is_not_looked_at_again() -> None:
    _, fake = sent({"fields": FIELDS, "password": SECRET}, "{password} {to} {nothing} {")
    assert fake.requests[0].form["text"] == "{password} {to} {nothing} {"


def test_by_post_the_fields_can_be_in_the_url() -> None:
    _, fake = sent({"encoding": "query", "fields": {**FIELDS, "from": "{from}"}, "sender": "Maison & Co"}, "a+b c&d=%")
    (request,) = fake.requests
    assert (request.method, request.body) == ("POST", b"")
    assert request.query == {"to": NUMBER, "text": "a+b c&d=%", "from": "Maison & Co"}
    assert "+" not in request.target  # which some gateways take for a space, and some do not


def test_a_text_too_long_for_a_url_is_rejected_unsent() -> None:
    answer, fake = sent({"method": "GET", "encoding": "query", "fields": FIELDS}, "欢" * 10_000)
    assert (answer.outcome, answer.reason, fake.requests) == (Outcome.REJECTED, "message_unsuitable", [])


@pytest.mark.parametrize(
    "recipient", ["+12025550123 +12025550124", "+12025550123,+12025550124", "12025550123", "", "+0"]
)
def test_what_is_not_one_number_is_not_offered(recipient: str) -> None:
    answer, fake = sent({"fields": FIELDS}, recipient=recipient)
    assert (answer.outcome, answer.reason, fake.requests) == (Outcome.REJECTED, "address_invalid", [])


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "outcome", "reason"),
    [
        (Response(200, b"OK 17"), Outcome.ACCEPTED, ""),
        (Response(202, b"OK"), Outcome.ACCEPTED, ""),
        (Response(200, b"ERR busy"), Outcome.RETRY, "gateway_deferred"),
        (Response(500, b"ERR busy"), Outcome.RETRY, "gateway_deferred"),
        (Response(200, b"ERR blocked"), Outcome.REJECTED, "gateway_refused"),
        (Response(404, b"ERR no such number"), Outcome.REJECTED, "number_unusable"),
        (Response(200, b"ERR credit"), Outcome.SENDING_REFUSED, "gateway_closed"),
        (Response(200, b"ERR login"), Outcome.ADAPTER_DOWN, "auth_failed"),
        (Response(401, b""), Outcome.ADAPTER_DOWN, "auth_failed"),
        (Response(400, b"OK"), Outcome.REJECTED, "request_refused"),
        (Response(429, b""), Outcome.SENDING_REFUSED, "rate_limited"),
        (Response(503, b""), Outcome.SENDING_REFUSED, "service_unavailable"),
        (Response(504, b""), Outcome.UNKNOWN, "service_unavailable"),
        (Response(200, b"something else"), Outcome.UNKNOWN, "protocol_error"),
        (Response(200, b""), Outcome.UNKNOWN, "protocol_error"),
        (Response(200, b"\xff\xfe"), Outcome.UNKNOWN, "protocol_error"),
        (Response(302, b"OK"), Outcome.UNKNOWN, "protocol_error"),
        (HangUp(), Outcome.UNKNOWN, "disconnected"),
    ],
)
def test_an_answer_has_a_meaning(response: Response | HangUp, outcome: Outcome, reason: str) -> None:
    answer, _ = sent({**FORM.settings()}, answer=response)
    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert answer.gone is (reason == "number_unusable")
    assert answer.detail


def test_without_patterns_a_2xx_is_a_success() -> None:
    for status, outcome in ((204, Outcome.ACCEPTED), (200, Outcome.ACCEPTED), (403, Outcome.SENDING_REFUSED)):
        assert sent({"fields": FIELDS}, answer=Response(status))[0].outcome is outcome


def test_the_reference_is_the_gateways_or_the_messages_key() -> None:
    body = Response(200, {"id": "4f-17", "status": "ok"})
    assert sent({"fields": FIELDS}, answer=body)[0].reference == "action-1"
    assert sent({"fields": FIELDS, "reference_pattern": r'"id": ?"([^"]+)"'}, answer=body)[0].reference == "4f-17"
    assert sent({"fields": FIELDS, "reference_pattern": r'"nr": ?"([^"]+)"'}, answer=body)[0].reference == "action-1"


@pytest.mark.parametrize(
    "said", [f"no {NUMBER}", f"no {NUMBER[1:]}", f"user shop/{SECRET}", "text: Hello Ann", "a@b.com"]
)
def test_the_detail_repeats_no_address_no_text_and_no_secret(said: str) -> None:
    answer, _ = sent({"fields": FIELDS, "password": SECRET}, "Hello Ann", answer=Response(400, said.encode()))
    for private in (NUMBER[1:], SECRET, "Ann", "a@b"):
        assert private not in answer.detail
    assert "…" in answer.detail


def test_a_detail_is_one_short_line() -> None:
    answer, _ = sent({"fields": FIELDS}, answer=Response(400, b"no\r\n" * 500))
    assert "\n" not in answer.detail
    assert len(answer.detail) <= 200


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": ""}, "`url` and `fields` are needed"),
        ({"url": "http://sms.example.com"}, "is not encrypted"),
        ({"fields": {}}, "no field says to whom"),
        ({"fields": {"text": "{text}"}}, "no field says to whom"),
        ({"fields": {"to": "{to}"}}, "no field has the text"),
        ({"fields": {**FIELDS, "x": "{phone}"}}, r"`fields.x`: there is no \{phone\}; known: \{basic\}, \{coding\}"),
        ({"encoding": "json", "fields": {**FIELDS, "x": [{"y": "{phone}"}]}}, r"there is no \{phone\}"),
        ({"fields": {**FIELDS, "x": ["a"]}}, 'only encoding = "json" has lists'),
        ({"headers": {"x": "{to}"}}, r"`headers.x`: there is no \{to\}; known: \{basic\}, \{password\}, \{username\}"),
        ({"headers": {"x": "a\r\nb"}}, "printable ASCII"),
        ({"method": "GET"}, 'set encoding = "query"'),
        ({"success_pattern": "("}, "not a regular expression"),
        ({"reference_pattern": "id"}, "needs one group"),
        ({"fields": {**FIELDS, "u": "{receipt_url}"}}, "needs `receipt_url` and `receipt_secret`"),
        ({"receipt_secret": "short"}, "a secret is too short"),
        ({"fixed_token": f"{SECRET} short"}, "a secret is too short"),
        ({"receipt_suffix": "status=%d"}, "begin it with &"),
        ({"receipt_reference": "id"}, "needs `reference_pattern`"),
        ({"receipt_kinds": {"1": "arrived"}}, "Input should be"),
        ({"pasword": SECRET}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        SmsGatewayOptions.model_validate({**LOCAL, **changes})
    assert SECRET not in str(caught.value)


def test_a_url_for_each_message_and_the_gateways_reference_exclude_each_other() -> None:
    both = {"fields": {**FIELDS, "u": "{receipt_url}"}, "receipt_url": "https://habitue.example.com/r"}
    with pytest.raises(ValidationError, match="remove `reference_pattern`"):
        SmsGatewayOptions.model_validate({**LOCAL, **both, "receipt_secret": SECRET, "reference_pattern": "id: (.+)"})


def test_settings_show_no_secret() -> None:
    secrets = {"password": SECRET, "receipt_secret": SECRET, "fixed_token": SECRET}
    assert SECRET not in repr(SmsGatewayOptions.model_validate({**LOCAL, **secrets}))


def test_kannels_settings_on_the_page_are_those_that_are_tested() -> None:
    tested = SETTINGS.splitlines()
    lines = kannels_own()
    assert len(lines) == 10
    assert [line for line in lines if line not in tested] == []
