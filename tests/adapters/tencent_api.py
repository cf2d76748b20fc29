"""Tencent Cloud SMS as its documentation describes it: it refuses what is not signed or complete, by code of its own."""

import hashlib
import hmac
from collections.abc import Mapping

from adapters.base import SmsPayload
from tests.adapters.china_sms import CALLBACK_SECRET, NUMBER
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Script, Silence

OPTIONS: dict[str, object] = {
    "secret_id": "SecretIdOfTests",
    "secret_key": SECRET,
    "sdk_app_id": "1400006666",
    "sign_name": "梅松",
    "callback_secret": CALLBACK_SECRET,
    "templates": {"vip/code": {"zh-CN": {"id": "449739", "text": "您的验证码{1}，{2}分钟内有效。"}}},
}


def error(code: str, text: str = "") -> Response:
    return Response(200, {"Response": {"Error": {"Code": code, "Message": text or code}, "RequestId": "ed93f3cb"}})


def status(code: str, text: str = "") -> Response:
    told = {
        "SerialNo": "" if code != "Ok" else "2019:538884998411",
        "PhoneNumber": NUMBER,
        "Fee": 1,
        "SessionContext": "action-0",
        "Code": code,
        "Message": text or "send success",
        "IsoCode": "CN",
    }
    return Response(200, {"Response": {"SendStatusSet": [told], "RequestId": "a0aabda6"}})


def accepting(answers: Mapping[int, Response | Silence | HangUp] | None = None) -> Script:
    """Accept what is signed and complete. ``answers``: number of the request, from 0 -> what to say instead."""
    left = dict(answers or {})
    count = iter(range(1_000_000))

    def script(request: Request) -> Response | Silence | HangUp:
        return _mistake(request) or left.get(next(count)) or status("Ok")

    return script


def _mistake(request: Request) -> Response | None:
    headers, body = request.headers, request.json
    assert isinstance(body, dict)
    if (headers["x-tc-action"], headers["x-tc-version"]) != ("SendSms", "2021-01-11"):
        return error("InvalidAction")
    if headers["x-tc-timestamp"] != "1795165200":
        return error("AuthFailure.SignatureExpire")
    if headers["authorization"] != _authorization(request):
        return error("AuthFailure.SignatureFailure")
    expected = {"PhoneNumberSet", "SmsSdkAppId", "SignName", "TemplateId", "TemplateParamSet", "SessionContext"}
    if set(body) != expected or len(body["PhoneNumberSet"]) != 1 or len(body["SessionContext"]) >= 512:
        return error("InvalidParameter")
    return None


def _authorization(request: Request) -> str:
    headers, day = request.headers, "2026-11-20"
    canonical = (
        "POST\n/\n\n"
        f"content-type:{headers['content-type'].lower()}\nhost:{headers['host']}\nx-tc-action:sendsms\n\n"
        f"content-type;host;x-tc-action\n{_sha(request.body)}"
    )
    to_sign = f"TC3-HMAC-SHA256\n1795165200\n{day}/sms/tc3_request\n{_sha(canonical.encode())}"
    key = f"TC3{SECRET}".encode()
    for part in (day, "sms", "tc3_request"):
        key = _hmac(key, part)
    return (
        f"TC3-HMAC-SHA256 Credential=SecretIdOfTests/{day}/sms/tc3_request, "
        f"SignedHeaders=content-type;host;x-tc-action, Signature={_hmac(key, to_sign).hex()}"
    )


def text_of(request: Request) -> SmsPayload:
    """Return the text that the recipient reads, without the signature."""
    body = request.json
    assert isinstance(body, dict)
    assert body["TemplateId"] == "449739"
    first, second = body["TemplateParamSet"]
    return SmsPayload(f"您的验证码{first}，{second}分钟内有效。")


def _sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
