"""The Twilio adapter: requests, and what each of its published error codes means."""

import asyncio

import pytest
from pydantic import ValidationError

from adapters.base import Answer, Message, Outcome, SmsPayload
from adapters.twilio.adapter import TwilioAdapter
from adapters.twilio.options import TwilioOptions
from tests.adapters.fake_http import HangUp, Response, Silence, fake_http
from tests.adapters.twilio_api import ACCOUNT, SENDER, SERVICE, TOKEN, TwilioApi, refusal

KEY, KEY_SECRET = "SK" + "0011223344556677" * 2, "a secret of the API key"
RECIPIENT = "+8613812345678"
USUAL = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": SENDER}


def send(api: TwilioApi, text: str = "Hello", recipient: str = RECIPIENT, **changes: object) -> Answer:
    async def run() -> Answer:
        async with fake_http(api) as fake:
            options = TwilioOptions.model_validate({**USUAL, "url": fake.url, "answer_timeout": 5, **changes})
            async with TwilioAdapter(options) as adapter:
                return await adapter.send(Message("action-1", "hello@example.com", recipient, SmsPayload(text), 0))

    return asyncio.run(run())


def refused(response: Response | Silence | HangUp) -> Answer:
    return send(TwilioApi([response]))


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_text_arrives_with_its_sender_and_the_url_for_receipts() -> None:
    api = TwilioApi()
    answer = send(api, "50% & more + 欢迎 🎁\nbye", callback_url="https://habitue.example.com/receipts/twilio?a=b")
    assert answer == Answer(Outcome.ACCEPTED, reference="SM" + "1".rjust(32, "0"))
    assert api.texts == [
        {
            "To": RECIPIENT,
            "From": SENDER,
            "Body": "50% & more + 欢迎 🎁\nbye",
            "StatusCallback": "https://habitue.example.com/receipts/twilio?a=b",
        }
    ]


def test_a_messaging_service_takes_the_senders_place() -> None:
    api = TwilioApi()
    assert send(api, sender="", messaging_service=SERVICE).outcome is Outcome.ACCEPTED
    assert api.texts == [{"To": RECIPIENT, "MessagingServiceSid": SERVICE, "Body": "Hello"}]


def test_an_api_key_takes_the_tokens_place() -> None:
    api = TwilioApi(username=KEY, password=KEY_SECRET)
    assert send(api, api_key=KEY, api_secret=KEY_SECRET, auth_token="").outcome is Outcome.ACCEPTED


def test_of_two_tokens_the_first_is_used() -> None:
    assert send(TwilioApi(), auth_token=f"{TOKEN} the-old-one").outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "recipient", ["12025550123", "+1 202 555 0123", "+12025550123,+12025550124", "+0123456789", ""]
)
def test_what_is_no_number_is_not_offered(recipient: str) -> None:
    api = TwilioApi()
    answer = send(api, recipient=recipient)
    assert (answer.outcome, answer.reason, api.calls) == (Outcome.REJECTED, "address_invalid", 0)


# --- answers ---------------------------------------------------------------------------------------------------------

CODES = [
    (401, 20003, Outcome.ADAPTER_DOWN, "auth_failed"),
    (403, 20008, Outcome.ADAPTER_DOWN, "auth_failed"),
    (404, 20404, Outcome.ADAPTER_DOWN, "auth_failed"),
    (403, 20006, Outcome.SENDING_REFUSED, "not_authorised"),
    (403, 20403, Outcome.SENDING_REFUSED, "not_authorised"),
    (403, 20005, Outcome.SENDING_REFUSED, "account_inactive"),
    (400, 10001, Outcome.SENDING_REFUSED, "account_inactive"),
    (400, 21608, Outcome.SENDING_REFUSED, "account_inactive"),
    (429, 20429, Outcome.SENDING_REFUSED, "rate_limited"),
    (400, 14107, Outcome.SENDING_REFUSED, "rate_limited"),
    (400, 21611, Outcome.SENDING_REFUSED, "rate_limited"),
    (429, 63018, Outcome.SENDING_REFUSED, "rate_limited"),
    (429, 63038, Outcome.SENDING_REFUSED, "rate_limited"),
    (400, 21212, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 21603, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 21606, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 21659, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 21660, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 21661, Outcome.SENDING_REFUSED, "sender_unusable"),
    (404, 21701, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 21703, Outcome.SENDING_REFUSED, "sender_unusable"),
    (400, 30034, Outcome.SENDING_REFUSED, "sender_unregistered"),
    (400, 21609, Outcome.SENDING_REFUSED, "callback_url_refused"),
    (400, 21408, Outcome.REJECTED, "region_not_permitted"),
    (400, 21610, Outcome.REJECTED, "opted_out_at_provider"),
    (400, 21211, Outcome.REJECTED, "number_unusable"),
    (400, 21614, Outcome.REJECTED, "number_unusable"),
    (400, 21635, Outcome.REJECTED, "number_unusable"),
    (400, 21265, Outcome.REJECTED, "number_unusable"),
    (400, 21266, Outcome.REJECTED, "number_unusable"),
    (400, 21612, Outcome.REJECTED, "number_unreachable"),
    (400, 21602, Outcome.REJECTED, "message_unsuitable"),
    (400, 21617, Outcome.REJECTED, "message_unsuitable"),
    (400, 21618, Outcome.REJECTED, "content_refused"),
    (400, 63016, Outcome.REJECTED, "content_refused"),
    # Codes of which the dictionary says no more than the status does, and ones that it will have some day.
    (500, 20500, Outcome.SENDING_REFUSED, "service_unavailable"),
    (503, 20503, Outcome.SENDING_REFUSED, "service_unavailable"),
    (504, 20504, Outcome.UNKNOWN, "service_unavailable"),
    (400, 99999, Outcome.REJECTED, "request_refused"),
]


@pytest.mark.parametrize(("status", "code", "outcome", "reason"), CODES)
def test_an_error_code_has_a_meaning(status: int, code: int, outcome: Outcome, reason: str) -> None:
    answer = refused(refusal(status, code, "What Twilio says of it"))
    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert answer.detail == f"{code}: What Twilio says of it"


def test_only_numbers_that_never_take_texts_are_gone() -> None:
    gone = [code for status, code, _, _ in CODES if refused(refusal(status, code, "")).gone]
    assert gone == [21211, 21614, 21635]


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (Response(200, b"<html>proxy</html>"), Outcome.UNKNOWN),
        (Response(201, {"status": "queued"}), Outcome.UNKNOWN),
        (Response(302), Outcome.UNKNOWN),
        (Response(429, b"slow down"), Outcome.SENDING_REFUSED),
        (Response(503, b""), Outcome.SENDING_REFUSED),
        (Response(400, {"code": "21211"}), Outcome.REJECTED),
        (HangUp(), Outcome.UNKNOWN),
    ],
)
def test_a_reply_that_is_not_twilios(response: Response | HangUp, outcome: Outcome) -> None:
    answer = refused(response)
    assert answer.outcome is outcome
    assert answer.reason
    assert answer.detail


@pytest.mark.parametrize(
    "said",
    [
        f"The 'To' number {RECIPIENT} is not a valid phone number.",
        "The number +86 138-1234-5678 has the text Hello Ann, you are in",
        f"bad token {TOKEN} for ann@example.com",
    ],
)
def test_the_detail_repeats_no_address_no_text_and_no_secret(said: str) -> None:
    answer = send(TwilioApi([refusal(400, 21211, said)]), "Hello Ann, you are in")
    for private in (RECIPIENT, "1381", TOKEN, "ann@", "Hello Ann"):
        assert private not in answer.detail
    assert answer.detail.startswith("21211: ")
    assert "…" in answer.detail


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account_sid": ""}, "`account_sid` is missing"),
        ({"account_sid": "AC123"}, "should match pattern"),
        ({"auth_token": ""}, "`auth_token` is missing"),
        ({"auth_token": "  "}, "`auth_token` is missing"),
        ({"api_key": KEY}, "belong together"),
        ({"api_secret": KEY_SECRET}, "belong together"),
        ({"sender": ""}, "either `sender` or `messaging_service`"),
        ({"messaging_service": SERVICE}, "either `sender` or `messaging_service`"),
        ({"sender": "0044 20 7946 0000"}, "write a number such as"),
        ({"sender": "A name that is too long"}, "write a number such as"),
        ({"callback_url": "habitue.example.com"}, "is not a URL"),
        ({"callback_url": "http://habitue.example.com/receipts/twilio"}, "is not encrypted"),
        ({"callback_url": "https://habitue.example.com/receipts/twilio#rc=5"}, "without its fragment"),
        ({"url": "http://api.twilio.com"}, "is not encrypted"),
        ({"token": TOKEN}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        TwilioOptions.model_validate({**USUAL, **changes})
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("sender", ["+12025550100", "12345", "Maison", "Maison 24", "H&M"])
def test_senders_that_are_good(sender: str) -> None:
    assert TwilioOptions.model_validate({**USUAL, "sender": sender}).sender == sender


def test_settings_show_no_secret() -> None:
    shown = repr(TwilioOptions.model_validate({**USUAL, "api_key": KEY, "api_secret": KEY_SECRET}))
    assert TOKEN not in shown
    assert KEY_SECRET not in shown
