"""Alibaba Cloud SMS: the published signature, what codes mean, and its reports."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from adapters.aliyun.adapter import AliyunAdapter, review
from adapters.aliyun.options import AliyunOptions
from adapters.aliyun.outcomes import FAMILIES, MEANINGS, answer_to
from adapters.aliyun.receipts import read_receipts
from adapters.aliyun.signing import AccessKey, Call, signed_headers
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
from engine.settings import load_settings
from tests.adapters.aliyun_api import OPTIONS, accepting, says
from tests.adapters.china_sms import CALLBACK_SECRET, NOW, NUMBER, message, now
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import FakeHttp, Script, fake_http

URL = f"https://shop.example/receipts/aliyun?secret={CALLBACK_SECRET}"


def send(sent: Message, script: Script, clock: Callable[[], int] = now, **changes: object) -> tuple[Answer, FakeHttp]:
    async def run() -> tuple[Answer, FakeHttp]:
        async with fake_http(script) as fake:
            options = AliyunOptions.model_validate({**OPTIONS, "url": fake.url, **changes})
            async with AliyunAdapter(options, "aliyun", clock) as adapter:
                return await adapter.send(sent), fake

    return asyncio.run(run())


def options(**changes: object) -> AliyunOptions:
    return AliyunOptions.model_validate({**OPTIONS, **changes})


def test_the_signature_of_the_documentation() -> None:
    """The example of help.aliyun.com, "V3 request body and signature mechanism"."""
    query = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
    call = Call(
        "ecs.cn-shanghai.aliyuncs.com",
        "RunInstances",
        "2014-05-26",
        query,
        "2023-10-26T10:22:32Z",
        "3156853299f313e23d1673dc12e1703d",
    )
    headers = signed_headers(call, AccessKey("YourAccessKeyId", "YourAccessKeySecret"))
    assert headers["authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_a_message_is_the_template_and_its_parameters() -> None:
    answer, fake = send(message(key="0123abcd"), accepting())
    assert answer == Answer(Outcome.ACCEPTED, reference="900619746936498440^0")
    (request,) = fake.requests
    assert request.query["PhoneNumbers"] == "13800138000"
    assert request.query["OutId"] == "0123abcd"
    assert orjson.loads(request.query["TemplateParam"]) == {"code": "1234", "minutes": "5"}


def test_a_wrong_secret_and_a_wrong_clock_stop_the_adapter() -> None:
    answer, _ = send(message(), accepting(), access_key_secret="another")
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "auth_failed")
    assert answer.detail == "SignatureDoesNotMatch"  # the gateway repeats the whole request
    answer, _ = send(message(), accepting(), lambda: NOW - 16 * 60_000)
    assert (answer.outcome, answer.reason) == (Outcome.ADAPTER_DOWN, "clock_wrong")


def test_without_a_key_nothing_is_sent() -> None:
    answer, fake = send(message(), accepting(), access_key_secret="")
    assert (answer.outcome, answer.reason, fake.requests) == (Outcome.ADAPTER_DOWN, "auth_failed", [])
    assert "HABITUE_ADAPTERS__ALIYUN__ACCESS_KEY_SECRET" in answer.detail


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+12025550123", "number_abroad"),
        ("+15125550123", "number_abroad"),
        ("+85251234567", "number_abroad"),
        ("13800138000", "number_refused"),
        ("", "number_refused"),
    ],
)
def test_only_numbers_in_mainland_china(number: str, reason: str) -> None:
    """+1 512 555 0123 without its plus would be somebody's number in China."""
    answer, fake = send(message(number=number), accepting())
    assert (answer.outcome, answer.reason, answer.gone) == (Outcome.REJECTED, reason, False)
    assert fake.requests == []


def test_what_is_not_filed_is_not_sent() -> None:
    answer, fake = send(message("您的代码1234"), accepting())
    assert (answer.outcome, answer.reason) == (Outcome.REJECTED, "template_mismatch")
    answer, _ = send(message(f"您的验证码{'1' * 36}，5分钟内有效。"), accepting())
    assert (answer.outcome, answer.reason) == (Outcome.REJECTED, "parameter_too_long")
    assert fake.requests == []


@pytest.mark.parametrize(
    ("code", "status", "outcome", "reason", "gone"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", 200, "retry", "recipient_limit", False),
        ("isv.DAY_LIMIT_CONTROL", 200, "sending_refused", "platform_quota", False),
        ("isv.MOBILE_NUMBER_ILLEGAL", 200, "rejected", "number_refused", True),
        ("isv.BLACK_KEY_CONTROL_LIMIT", 200, "rejected", "policy_refused", False),
        ("isv.SMS_CONTENT_ILLEGAL", 200, "rejected", "content_refused", False),
        ("isv.PARAM_LENGTH_LIMIT", 200, "rejected", "parameter_too_long", False),
        ("isv.OUT_OF_SERVICE", 200, "sending_refused", "balance_exhausted", False),
        ("isv.AMOUNT_NOT_ENOUGH", 200, "sending_refused", "balance_exhausted", False),
        ("isv.ACCOUNT_ABNORMAL", 200, "sending_refused", "account_suspended", False),
        ("isv.SMS_SIGNATURE_ILLEGAL", 200, "sending_refused", "signature_refused", False),
        ("isv.SMS_TEMPLATE_ILLEGAL", 200, "sending_refused", "template_refused", False),
        ("isv.TEMPLATE_MISSING_PARAMETERS", 200, "sending_refused", "template_refused", False),
        ("isv.DENY_IP_RANGE", 200, "sending_refused", "not_authorised", False),
        ("isp.RAM_PERMISSION_DENY", 200, "adapter_down", "not_authorised", False),
        ("isp.SYSTEM_ERROR", 200, "retry", "service_unavailable", False),
        ("isv.SOMETHING_NEW", 200, "rejected", "request_refused", False),
        ("", 200, "unknown", "protocol_error", False),
        ("InvalidAccessKeyId.NotFound", 404, "adapter_down", "auth_failed", False),
        ("InvalidAccessKeyId.Inactive", 403, "adapter_down", "auth_failed", False),
        ("SignatureDoesNotMatch", 400, "adapter_down", "auth_failed", False),
        ("InvalidTimeStamp.Expired", 400, "adapter_down", "clock_wrong", False),
        ("Throttling.User", 400, "sending_refused", "rate_limited", False),
        ("Throttling", 429, "sending_refused", "rate_limited", False),
        ("SignatureNonceUsed", 400, "unknown", "protocol_error", False),
        ("NoPermission", 403, "adapter_down", "not_authorised", False),
        ("SomethingNew", 400, "rejected", "request_refused", False),
        ("ServiceUnavailable", 503, "sending_refused", "service_unavailable", False),
        ("", 504, "unknown", "service_unavailable", False),
    ],
)
def test_codes(code: str, status: int, outcome: str, reason: str, gone: bool) -> None:
    answer = answer_to(Reply(status, {}, orjson.dumps(says(code, status).body)), NUMBER)
    assert (answer.outcome.value, answer.reason, answer.gone) == (outcome, reason, gone)


def test_only_for_what_is_refused_for_good_a_number_is_given_up() -> None:
    meanings = [*MEANINGS.values(), *FAMILIES.values()]
    assert all(one.outcome is Outcome.REJECTED for one in meanings if one.gone)


def test_the_provider_s_words_keep_numbers() -> None:
    told = says("isv.MOBILE_NUMBER_ILLEGAL", text="13800138000invalid mobile number, or 138 0013 8000")
    answer, _ = send(message(), accepting({0: told}))
    assert answer.detail == "isv.MOBILE_NUMBER_ILLEGAL: …invalid mobile number, or …"


def test_a_review_asks_nobody() -> None:
    assert review(options(), message()).parameters == {"code": "1234", "minutes": "5"}
    assert "[adapters.aliyun.templates" in review(options(templates={}), message()).objection


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sign_name": ""}, "`sign_name` is needed"),
        ({"sign_name": "【梅松】"}, "write the approved signature, without 【】"),
        ({"url": "http://dysmsapi.aliyuncs.com"}, "is not encrypted"),
        ({"callback_secret": "short"}, "at least 16 characters"),
        ({"templates": "{"}, "it is not JSON"),
        ({"templates": {"a": {"zh": {"id": "SMS_1", "text": "${a}${b}"}}}}, "nothing stands between"),
    ],
)
def test_mistakes_in_the_options(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**changes)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_templates_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[adapters.aliyun]\nsign_name = "梅松"\n', encoding="utf-8")
    monkeypatch.setenv("HABITUE_ADAPTERS__ALIYUN__TEMPLATES", orjson.dumps(OPTIONS["templates"]).decode())
    read = AliyunOptions.model_validate(load_settings(file).adapters["aliyun"])
    assert review(read, message()).template == "SMS_154950909"


def callback(items: object, url: str = URL) -> Callback:
    return Callback({"content-type": "application/json"}, orjson.dumps(items), url, NOW)


REPORT = {
    "phone_number": "13800138000",
    "send_time": "2026-11-20 16:59:58",
    "report_time": "2026-11-20 17:00:00",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "900619746936498440^0",
    "out_id": "0123abcd",
}
TEXT = {
    "phone_number": "13800138000",
    "send_time": "2026-11-20 17:00:00",
    "content": "R",
    "sign_name": "梅松",
    "dest_code": "1234",
    "sequence_id": 1234567890,
}


def test_reports_name_the_message_and_our_key_and_times_are_china_s() -> None:
    failed = {**REPORT, "success": False, "err_code": "MOBILE_NOT_ON_SERVICE", "err_msg": "13800138000 停机"}
    strange = {**failed, "err_code": "MK:0099", "out_id": "", "err_msg": ""}
    blocked = {**failed, "err_code": "USER_REJECT", "err_msg": "", "biz_id": ""}
    at, biz, bounced = 1_795_165_200_000, "900619746936498440^0", ReceiptKind.BOUNCED
    said = "MOBILE_NOT_ON_SERVICE: … 停机"
    assert list(read_receipts(options(), "aliyun", callback([REPORT, failed, strange, blocked]))) == [
        Receipt("aliyun", biz, ReceiptKind.DELIVERED, at, key="0123abcd"),
        Receipt("aliyun", biz, bounced, at, "phone_unreachable", said, key="0123abcd"),
        Receipt("aliyun", biz, bounced, at, "undelivered", "MK:0099"),
        Receipt("aliyun", "", bounced, at, "number_blocked", "USER_REJECT", gone=True, key="0123abcd"),
    ]


def test_what_people_write_back() -> None:
    (text,) = read_receipts(options(), "aliyun", callback([TEXT]))
    assert text == IncomingText("aliyun", NUMBER, "R", 1_795_165_200_000, "1234567890")


@pytest.mark.parametrize(
    "url", ["", "https://shop.example/receipts/aliyun", f"{URL}x", f"{URL}&secret=x", "https://a.example/?secret=é"]
)
def test_who_does_not_know_the_secret_reports_nothing(url: str) -> None:
    with pytest.raises(NotAuthentic) as caught:
        read_receipts(options(), "aliyun", callback([REPORT], url))
    assert CALLBACK_SECRET not in str(caught.value)


def test_secrets_can_change() -> None:
    both = options(callback_secret=f"the-new-secret-of-ours {CALLBACK_SECRET}")
    for secret in ("the-new-secret-of-ours", CALLBACK_SECRET):
        assert read_receipts(both, "aliyun", callback([REPORT], f"https://shop.example/r?secret={secret}"))


def test_without_a_secret_nothing_is_accepted() -> None:
    with pytest.raises(NotAuthentic, match="`callback_secret` is not set"):
        read_receipts(options(callback_secret=""), "aliyun", callback([REPORT], "https://a.example/?secret="))


@pytest.mark.parametrize(
    "body",
    [b"", b"phone_number=1", b"[1]", b'"x"', b"[{}]", b'[{"success": true}]', b'[{"success": "true", "out_id": "1"}]'],
)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackError):
        read_receipts(options(), "aliyun", Callback({}, body, URL, NOW))


def test_a_time_that_cannot_be_read_is_that_of_the_call() -> None:
    (receipt,) = read_receipts(options(), "aliyun", callback([{**REPORT, "report_time": "soon"}]))
    assert receipt.at == NOW
