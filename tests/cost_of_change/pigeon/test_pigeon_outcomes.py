"""What Pigeon's answers mean: every code, every class, every status, and what goes into the log."""

import asyncio
from dataclasses import replace

import pytest

from adapters.base import Answer, Message, Outcome, SmsPayload
from adapters.kinds import checked_options
from tests.adapters.emails import AT, SECRET
from tests.adapters.fake_http import HangUp, Response, Silence
from tests.cost_of_change.pigeon.kind import PIGEON
from tests.cost_of_change.pigeon.pigeon_api import PigeonApi, refusal
from tests.cost_of_change.pigeon.review import LONGEST
from tests.cost_of_change.pigeon.test_pigeon_contract import loft

NUMBER = "+12025550123"
MESSAGE = Message("action-7", "bounce@example.com", NUMBER, SmsPayload("Hello"), AT)


def sent(message: Message, *first: Response | Silence | HangUp) -> tuple[Answer, PigeonApi]:
    async def run() -> tuple[Answer, PigeonApi]:
        api = PigeonApi([*first])
        async with loft(api) as bench:
            return await bench.adapter.send(message), api

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "code", "outcome", "reason", "gone"),
    [
        (422, 1001, "rejected", "number_unusable", True),
        (422, 1002, "rejected", "number_unusable", True),
        (422, 1003, "retry", "pigeon_phone_off", False),
        (422, 1004, "rejected", "pigeon_opted_out", False),
        (422, 1005, "rejected", "message_unsuitable", False),
        (422, 1006, "rejected", "content_refused", False),
        (403, 2001, "sending_refused", "pigeon_no_credit", False),
        (403, 2002, "sending_refused", "pigeon_sender_unknown", False),
        (429, 2003, "sending_refused", "rate_limited", False),
        (403, 2004, "sending_refused", "not_authorised", False),
        (401, 2005, "adapter_down", "auth_failed", False),
        (503, 3001, "retry", "service_unavailable", False),
        (503, 3002, "sending_refused", "service_unavailable", False),
        (502, 3003, "unknown", "service_unavailable", False),
        (422, 1999, "rejected", "request_refused", False),  # codes that come later
        (422, 2999, "sending_refused", "not_authorised", False),
        (422, 3999, "retry", "service_unavailable", False),
        (429, 0, "sending_refused", "rate_limited", False),  # no code: the status
        (500, 9000, "sending_refused", "service_unavailable", False),
        (504, 0, "unknown", "service_unavailable", False),
    ],
)
def test_what_a_refusal_means(status: int, code: int, outcome: str, reason: str, *, gone: bool) -> None:
    answer, api = sent(MESSAGE, refusal(status, code))
    assert (answer.outcome, answer.reason, answer.gone, answer.reference) == (outcome, reason, gone, "")
    assert reason in {one.value for one in PIGEON.reasons}
    assert api.texts == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", {"id": 7}, {"id": ""}])
def test_a_success_without_an_id_may_have_been_sent(body: object) -> None:
    answer, _ = sent(MESSAGE, Response(202, body))
    assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "protocol_error")


@pytest.mark.parametrize("body", [b"", b"null", {"code": "2001"}, {"code": None, "message": ["x"]}, {"code": True}])
def test_a_refusal_of_any_form_is_an_answer(body: object) -> None:
    answer, _ = sent(MESSAGE, Response(400, body))
    assert (answer.outcome, answer.reason) == (Outcome.REJECTED, "request_refused")


def test_the_log_gets_no_number_and_no_token() -> None:
    said = f"cannot reach {NUMBER} (202-555-0123) for ann@example.org\nwith {SECRET}"
    answer, _ = sent(MESSAGE, refusal(422, 1004, said))
    assert answer.detail == "1004: cannot reach … …) for … with …"


def test_what_pigeon_would_cut_off_is_refused_and_not_sent() -> None:
    long = replace(MESSAGE, payload=SmsPayload("x" * (LONGEST + 1)))
    answer, api = sent(long)
    assert (answer.outcome, answer.reason, api.texts) == (Outcome.REJECTED, "message_unsuitable", {})
    assert PIGEON.review is not None
    options = checked_options(PIGEON, {"token": SECRET, "sender": "M"})
    assert PIGEON.review(options, long).objection == answer.detail
    assert PIGEON.review(options, MESSAGE).objection == ""


def test_the_key_that_delivery_stored_is_the_one_that_pigeon_gets() -> None:
    _, api = sent(replace(MESSAGE, send_key="stored"))
    assert api.texts == {"stored": {"to": NUMBER, "from": "MAISON", "text": "Hello", "tag": "action-7"}}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"token": ""}, "`token`: Value error, write the token"),
        ({"token": f"{SECRET}\n"}, "`token`: Value error, write the token"),
        ({"url": "http://api.pigeon.example"}, "is not encrypted"),
        ({"tokn": SECRET}, "`tokn`: unknown option"),
    ],
)
def test_wrong_options_are_told_without_the_secret(changed: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        checked_options(PIGEON, {"token": SECRET, "sender": "MAISON", **changed})
    assert SECRET not in str(error.value)
