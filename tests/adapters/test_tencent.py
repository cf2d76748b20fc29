"""Tencent Cloud SMS: the published signature, what codes mean, and its callbacks."""

import asyncio
from collections.abc import Callable

import orjson
import pytest
from pydantic import ValidationError

from adapters.base import (
    Answer,
    Callback,
    CallbackError,
    IncomingText,
    Message,
    NotAuthentic,
    Outcome,
    Receipt,
    ReceiptKind,
)
from adapters.http.client import Reply
from adapters.tencent.adapter import TencentAdapter, review
from adapters.tencent.options import TencentOptions
from adapters.tencent.outcomes import FAMILIES, MEANINGS, answer_to
from adapters.tencent.receipts import read_receipts
from adapters.tencent.signing import Call, SecretKey, authorization
from tests.adapters.china_sms import CALLBACK_SECRET, NOW, NUMBER, message, now
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import FakeHttp, Response, Script, fake_http
from tests.adapters.tencent_api import OPTIONS, accepting, error, status

URL = f"https://shop.example/receipts/tencent?secret={CALLBACK_SECRET}"


def send(sent: Message, script: Script, clock: Callable[[], int] = now, **changes: object) -> tuple[Answer, FakeHttp]:
    async def run() -> tuple[Answer, FakeHttp]:
        async with fake_http(script) as fake:
            read = TencentOptions.model_validate({**OPTIONS, "url": fake.url, **changes})
            async with TencentAdapter(read, "tencent", clock) as adapter:
                return await adapter.send(sent), fake

    return asyncio.run(run())


def options(**changes: object) -> TencentOptions:
    return TencentOptions.model_validate({**OPTIONS, **changes})


def test_the_signature_of_the_documentation() -> None:
    """The example of cloud.tencent.com/document/api/382/52072, "signature method v3"."""
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    headers = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
    key = SecretKey("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
    assert authorization(Call("cvm", headers, body, 1_551_113_065, "2019-02-25"), key) == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def test_a_message_is_the_template_and_its_parameters() -> None:
    answer, fake = send(message(key="0123abcd"), accepting())
    assert answer == Answer(Outcome.ACCEPTED, reference="2019:538884998411")
    (request,) = fake.requests
    assert request.json == {
        "PhoneNumberSet": [NUMBER],
        "SmsSdkAppId": "1400006666",
        "SignName": "梅松",
        "TemplateId": "449739",
        "TemplateParamSet": ["1234", "5"],
        "SessionContext": "0123abcd",
    }


def test_parameters_go_by_their_numbers_and_not_by_their_places() -> None:
    filed = {"vip/code": {"zh": {"id": "1", "text": "{2}分钟内输入{10}和{1}，{3}{4x}"}}}
    with pytest.raises(ValidationError, match=r"numbered from \{1\} on"):
        options(templates=filed)
    text = "".join(f"{number}：{{{number}}}。" for number in range(11, 0, -1))
    rendered = "".join(f"{number}：值{number}。" for number in range(11, 0, -1))
    _, fake = send(message(rendered), accepting(), templates={"vip/code": {"zh": {"id": "1", "text": text}}})
    body = fake.requests[0].json
    assert isinstance(body, dict)
    assert body["TemplateParamSet"] == [f"值{number}" for number in range(1, 12)]


def test_a_wrong_secret_and_a_wrong_clock_stop_the_adapter() -> None:
    answer, _ = send(message(), accepting(), secret_key="another")
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "auth_failed")
    answer, _ = send(message(), accepting(), lambda: NOW - 6 * 60_000)
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "clock_wrong")


def test_without_a_key_nothing_is_sent() -> None:
    answer, fake = send(message(), accepting(), secret_id="")
    assert (answer.outcome, answer.reason, fake.requests) == (Outcome.ADAPTER_DOWN, "auth_failed", [])


def test_what_is_not_filed_is_not_sent() -> None:
    for text, reason in (
        ("您的代码1234", "template_mismatch"),
        (f"您的验证码{'1' * 13}，5分钟内有效。", "parameter_too_long"),
    ):
        answer, fake = send(message(text), accepting())
        assert (answer.outcome, answer.reason, fake.requests) == (Outcome.REJECTED, reason, [])


@pytest.mark.parametrize(
    ("told", "outcome", "reason", "gone"),
    [
        (status("LimitExceeded.PhoneNumberThirtySecondLimit"), "retry", "recipient_limit", False),
        (status("LimitExceeded.PhoneNumberDailyLimit"), "retry", "recipient_limit", False),
        (status("LimitExceeded.DeliveryFrequencyLimit"), "retry", "recipient_limit", False),
        (status("LimitExceeded.AppDailyLimit"), "sending_refused", "platform_quota", False),
        (status("FailedOperation.PhoneNumberInBlacklist"), "rejected", "number_blocked", True),
        (status("InvalidParameterValue.IncorrectPhoneNumber"), "rejected", "number_refused", True),
        (status("FailedOperation.ContainSensitiveWord"), "rejected", "content_refused", False),
        (status("InvalidParameterValue.TemplateParameterLengthLimit"), "rejected", "parameter_too_long", False),
        (status("InvalidParameterValue.ContentLengthLimit"), "rejected", "message_unsuitable", False),
        (status("FailedOperation.MarketingSendTimeConstraint"), "retry", "outside_hours", False),
        (status("FailedOperation.SignatureIncorrectOrUnapproved"), "sending_refused", "signature_refused", False),
        (status("FailedOperation.TemplateIncorrectOrUnapproved"), "sending_refused", "template_refused", False),
        (status("FailedOperation.InsufficientBalanceInSmsPackage"), "sending_refused", "balance_exhausted", False),
        (status("UnauthorizedOperation.ServiceSuspendDueToArrears"), "sending_refused", "balance_exhausted", False),
        (status("UnauthorizedOperation.SdkAppIdIsDisabled"), "sending_refused", "account_suspended", False),
        (status("UnauthorizedOperation.SmsSdkAppIdVerifyFail"), "adapter_down", "not_authorised", False),
        (status("UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone"), "rejected", "number_abroad", False),
        (status("InternalError.OtherError"), "retry", "service_unavailable", False),
        (status("InternalError.Timeout"), "unknown", "timeout", False),
        (status("Something.New"), "rejected", "request_refused", False),
        (status(""), "unknown", "protocol_error", False),
        (error("AuthFailure.SecretIdNotFound"), "adapter_down", "auth_failed", False),
        (error("AuthFailure.SignatureFailure"), "adapter_down", "auth_failed", False),
        (error("AuthFailure.SignatureExpire"), "adapter_down", "clock_wrong", False),
        (error("AuthFailure.UnauthorizedOperation"), "adapter_down", "not_authorised", False),
        (error("UnauthorizedOperation.RequestIpNotInWhitelist"), "sending_refused", "not_authorised", False),
        (error("RequestLimitExceeded.IPLimitExceeded"), "sending_refused", "rate_limited", False),
        (error("InvalidAction"), "adapter_down", "request_refused", False),
        (error("ResourceUnavailable"), "retry", "service_unavailable", False),
        (Response(200, {"Response": {"SendStatusSet": [], "RequestId": "1"}}), "unknown", "protocol_error", False),
        (Response(200, {"Response": "x"}), "unknown", "protocol_error", False),
        (Response(200, b"<html>"), "unknown", "protocol_error", False),
        (Response(502, b""), "unknown", "service_unavailable", False),
        (Response(429, b""), "sending_refused", "rate_limited", False),
    ],
)  # fmt: skip
def test_codes(told: Response, outcome: str, reason: str, gone: bool) -> None:
    body = told.body if isinstance(told.body, bytes) else orjson.dumps(told.body)
    answer = answer_to(Reply(told.status, {}, body), NUMBER)
    assert (answer.outcome.value, answer.reason, answer.gone) == (outcome, reason, gone)


def test_only_for_what_is_refused_for_good_a_number_is_given_up() -> None:
    meanings = [*MEANINGS.values(), *FAMILIES.values()]
    assert all(one.outcome is Outcome.REJECTED for one in meanings if one.gone)


def test_the_provider_s_words_keep_numbers() -> None:
    told = status("InvalidParameterValue.IncorrectPhoneNumber", f"the number {NUMBER} is incorrect")
    answer, _ = send(message(), accepting({0: told}))
    assert answer.detail == "InvalidParameterValue.IncorrectPhoneNumber: the number … is incorrect"


def test_a_review_asks_nobody() -> None:
    assert review(options(), message()).parameters == {"1": "1234", "2": "5"}
    assert "[adapters.tencent.templates" in review(options(templates={}), message()).objection


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sdk_app_id": ""}, "`sdk_app_id` is needed"),
        ({"sign_name": ""}, "`sign_name` is needed"),
        ({"templates": {"a": {"zh": {"id": "1", "text": "{1}和{3}"}}}}, "without gaps"),
    ],
)
def test_mistakes_in_the_options(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**changes)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def callback(body: object, url: str = URL) -> Callback:
    return Callback({"content-type": "application/json"}, orjson.dumps(body), url, NOW)


REPORT = {
    "user_receive_time": "2026-11-20 17:00:00",
    "nationcode": "86",
    "mobile": "13800138000",
    "report_status": "SUCCESS",
    "errmsg": "DELIVRD",
    "description": "用户短信送达成功",
    "sid": "2019:538884998411",
}
TEXT = {"extend": "", "mobile": "13800138000", "nationcode": "86", "sign": "梅松", "text": "R", "time": 1_795_165_200}


def test_reports_name_the_message_by_the_serial_number_and_times_are_china_s() -> None:
    failed = {**REPORT, "report_status": "FAIL", "errmsg": "-106", "description": "13800138000 关键字", "sid": "2"}
    strange = {**failed, "errmsg": "MK:0099", "description": ""}
    assert list(read_receipts(options(), "tencent", callback([REPORT, failed, strange]))) == [
        Receipt("tencent", "2019:538884998411", ReceiptKind.DELIVERED, 1_795_165_200_000),
        Receipt("tencent", "2", ReceiptKind.BOUNCED, 1_795_165_200_000, "content_refused", "-106: … 关键字"),
        Receipt("tencent", "2", ReceiptKind.BOUNCED, 1_795_165_200_000, "undelivered", "MK:0099"),
    ]


def test_what_people_write_back_has_a_reference_of_its_own() -> None:
    (text,) = read_receipts(options(), "tencent", callback(TEXT))
    assert isinstance(text, IncomingText)
    assert (text.address, text.text, text.at) == (NUMBER, "R", 1_795_165_200_000)
    (again,) = read_receipts(options(), "tencent", callback([TEXT]))
    (later,) = read_receipts(options(), "tencent", callback({**TEXT, "time": 1_795_165_201}))
    (abroad,) = read_receipts(options(), "tencent", callback({**TEXT, "nationcode": "852", "mobile": "51234567"}))
    assert isinstance(later, IncomingText)
    assert isinstance(abroad, IncomingText)
    assert again == text
    assert later.reference != text.reference
    assert abroad.address == "+85251234567"


def test_who_does_not_know_the_secret_reports_nothing() -> None:
    with pytest.raises(NotAuthentic):
        read_receipts(options(), "tencent", callback([REPORT], "https://shop.example/receipts/tencent"))


@pytest.mark.parametrize("body", [b"", b"[[]]", b"{}", b'[{"report_status": "SUCCESS"}]', b'[{"text": "R"}]'])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackError):
        read_receipts(options(), "tencent", Callback({}, body, URL, NOW))
