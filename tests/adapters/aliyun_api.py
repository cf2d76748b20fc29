"""Alibaba Cloud SMS as its documentation describes it: it refuses what is not signed or complete, by code of its own."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import quote

from adapters.base import SmsPayload
from tests.adapters.china_sms import CALLBACK_SECRET
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp, Request, Response, Script, Silence

OPTIONS: dict[str, object] = {
    "access_key_id": "AccessKeyIdOfTests",
    "access_key_secret": SECRET,
    "sign_name": "梅松",
    "callback_secret": CALLBACK_SECRET,
    "templates": {"vip/code": {"zh-CN": {"id": "SMS_154950909", "text": "您的验证码${code}，${minutes}分钟内有效。"}}},
}


def says(code: str, status: int = 200, text: str = "") -> Response:
    return Response(status, {"Code": code, "Message": text or code, "RequestId": "F655A8D5-B967-440B-8683"})


def accepting(answers: Mapping[int, Response | Silence | HangUp] | None = None) -> Script:
    """Accept what is signed and complete. ``answers``: number of the request, from 0 -> what to say instead."""
    seen: set[str] = set()
    left = dict(answers or {})
    count = iter(range(1_000_000))

    def script(request: Request) -> Response | Silence | HangUp:
        mistake = _mistake(request, seen)
        if mistake:
            return mistake
        told = left.get(next(count))
        if told is not None:
            return told
        return Response(200, {"Code": "OK", "Message": "OK", "BizId": "900619746936498440^0", "RequestId": "F655"})

    return script


def _mistake(request: Request, seen: set[str]) -> Response | None:
    headers, query = request.headers, request.query
    if (request.method, request.path, request.body) != ("POST", "/", b""):
        return says("InvalidAction.NotFound", 404)
    if (headers["x-acs-action"], headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
        return says("InvalidVersion", 400)
    if headers["x-acs-date"] != "2026-11-20T09:00:00Z":
        return says("InvalidTimeStamp.Expired", 400)
    if headers["x-acs-signature-nonce"] in seen:
        return says("SignatureNonceUsed", 400)
    seen.add(headers["x-acs-signature-nonce"])
    if headers["authorization"] != _authorization(request):
        return says("SignatureDoesNotMatch", 400, f"server string to sign is: {request.target}")
    if set(query) != {"PhoneNumbers", "SignName", "TemplateCode", "TemplateParam", "OutId"}:
        return says("isv.INVALID_PARAMETERS")
    if query["SignName"] != "梅松":
        return says("isv.SMS_SIGNATURE_ILLEGAL")
    return None


def _authorization(request: Request) -> str:
    signed = ["host", *sorted(name for name in request.headers if name.startswith("x-acs-"))]
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in request.query.items())
    canonical = "\n".join(
        [
            "POST",
            "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{request.headers[name].strip()}" for name in signed),
            "",
            ";".join(signed),
            _sha(request.body),
        ]
    )
    assert request.headers["x-acs-content-sha256"] == _sha(request.body)
    signature = _hmac("ACS3-HMAC-SHA256\n" + _sha(canonical.encode()))
    return f"ACS3-HMAC-SHA256 Credential=AccessKeyIdOfTests,SignedHeaders={';'.join(signed)},Signature={signature}"


def text_of(request: Request) -> SmsPayload:
    """Return the text that the recipient reads, without the signature."""
    assert request.query["TemplateCode"] == "SMS_154950909"
    text = "您的验证码${code}，${minutes}分钟内有效。"
    for name, value in json.loads(request.query["TemplateParam"]).items():
        text = text.replace(f"${{{name}}}", value)
    return SmsPayload(text)


def _sha(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _hmac(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
