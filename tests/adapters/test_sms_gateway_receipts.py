"""A gateway's calls: tokens that are right and forged ones, what became of messages, and what people wrote back."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.base import Callback, CallbackError, IncomingText, Message, NotAuthentic, Receipt, ReceiptKind, SmsPayload
from adapters.sms_gateway.options import SmsGatewayOptions
from adapters.sms_gateway.placeholders import values_of
from adapters.sms_gateway.receipts import receipts
from tests.adapters.emails import SECRET

BASE = "https://habitue.example.com/receipts/sms_gateway"
FIXED = "a-token-for-a-fixed-url"
NOON = 1_790_078_400_000
NUMBER = "+8613812345678"
FORM = {"content-type": "application/x-www-form-urlencoded"}
USUAL = {
    "url": "https://sms.example.com/send",
    "fields": {"to": "{to}", "text": "{text}", "callback": "{receipt_url}"},
    "receipt_url": BASE,
    "receipt_secret": SECRET,
    "receipt_kinds": {"1": "delivered", "2": "bounced", "4": "none", "8": "none", "16": "bounced", "seen": "opened"},
    "receipt_detail": "why",
    "fixed_token": FIXED,
    "text_id": "id",
    "text_charset": "charset",
}
BY_ID: dict[str, Any] = {
    "fields": {"to": "{to}", "text": "{text}"},
    "reference_pattern": "id: (.+)",
    "receipt_reference": "id",
}


def options(**changes: object) -> SmsGatewayOptions:
    return SmsGatewayOptions.model_validate({**USUAL, **changes})


def url_of(key: str, **changes: object) -> str:
    return values_of(options(**changes), Message(key, "", NUMBER, SmsPayload("Hello"), NOON))["receipt_url"]


def read(
    url: str, body: bytes = b"", headers: dict[str, str] = FORM, **changes: object
) -> list[Receipt | IncomingText]:
    return [*receipts(options(**changes), "sms_gateway", Callback(headers, body, url, NOON))]


# --- a URL for each message ------------------------------------------------------------------------------------------


def about(key: str, kind: ReceiptKind, reason: str = "", detail: str = "") -> Receipt:
    """What a call of a message's own URL tells: the key is the reference, and finds it without an answer, too."""
    return Receipt("sms_gateway", key, kind, NOON, reason, detail, key=key)


@pytest.mark.parametrize("key", ["action-1", "0123456789abcdef" * 2, "1.offer & more/ü%d", "\udc80"])
def test_a_receipt_is_about_the_message_whose_url_was_called(key: str) -> None:
    assert read(f"{url_of(key)}&status=1") == [about(key, ReceiptKind.DELIVERED)]


def test_a_url_has_no_characters_that_gateways_replace() -> None:
    for number in range(200):
        token = url_of(f"action-{number} ü/?").removeprefix(f"{BASE}?token=")
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_the_suffix_and_a_query_of_the_urls_own_are_kept() -> None:
    url = url_of("action-1", receipt_url=f"{BASE}?shop=1", receipt_suffix="&status=%d")
    assert url.startswith(f"{BASE}?shop=1&token=")
    assert url.endswith("&status=%d")
    assert read(url.replace("%d", "2")) == [about("action-1", ReceiptKind.BOUNCED, "not_delivered")]


def forged() -> dict[str, str]:
    one, other = (parse_qs(urlsplit(url_of(key)).query)["token"][0] for key in ("action-1", "action-2"))
    key, _, signature = one.partition(".")
    another = url_of("action-1", receipt_secret="another-secret-as-long")
    return {
        "another message's signature": f"{BASE}?token={key}.{other.partition('.')[2]}",
        "another message": f"{BASE}?token={other.partition('.')[0]}.{signature}",
        "a shorter signature": f"{BASE}?token={key}.{signature[:-4]}",
        "no signature": f"{BASE}?token={key}.",
        "no dot": f"{BASE}?token={key}",
        "another spelling": f"{BASE}?token={key}.{signature}=",
        "padding": f"{BASE}?token={key}==.{signature}",
        "not Base64": f"{BASE}?token=%C3%BC.%C3%BC",
        "empty": f"{BASE}?token=",
        "none": BASE,
        "another secret": another,
    }


@pytest.mark.parametrize("how", forged())
def test_a_forged_url_is_refused(how: str) -> None:
    url = forged()[how]
    with pytest.raises(NotAuthentic) as caught:
        read(f"{url}{'&' if '?' in url else '?'}status=1")
    assert SECRET not in str(caught.value)


def test_a_token_counts_in_the_url_alone() -> None:
    token = urlsplit(url_of("action-1")).query.encode()
    with pytest.raises(NotAuthentic):
        read(BASE, token + b"&status=1")


def test_while_secrets_rotate_both_are_good() -> None:
    new = "the-next-secret-of-receipts"
    assert url_of("action-1", receipt_secret=f"{new} {SECRET}") == url_of("action-1", receipt_secret=new)
    for secret in (SECRET, new):
        assert read(f"{url_of('action-1', receipt_secret=secret)}&status=1", receipt_secret=f"{new} {SECRET}")
    with pytest.raises(NotAuthentic):
        read(f"{url_of('action-1')}&status=1", receipt_secret=new)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("1", [about("action-1", ReceiptKind.DELIVERED, "", "NACK …")]),
        ("2", [about("action-1", ReceiptKind.BOUNCED, "not_delivered", "NACK …")]),
        ("16", [about("action-1", ReceiptKind.BOUNCED, "not_delivered", "NACK …")]),
        ("seen", [about("action-1", ReceiptKind.OPENED, "", "NACK …")]),
        ("4", []),
        ("8", []),
    ],
)
def test_a_status_means_what_the_settings_say(status: str, found: list[Receipt]) -> None:
    assert read(f"{url_of('action-1')}&status={status}&why=NACK%20{NUMBER.replace('+', '%2B')}") == found


@pytest.mark.parametrize(("query", "said"), [("&status=99", "not in receipt_kinds"), ("", "set receipt_status")])
def test_a_status_that_is_not_known_is_an_error(query: str, said: str) -> None:
    with pytest.raises(CallbackError, match=said):
        read(f"{url_of('action-1')}{query}")


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"status=1&why=", FORM), (b"status=1&why=", {}), (json.dumps({"status": 1, "why": None}).encode(), {"content-type": "application/json; charset=utf-8"})],
)  # fmt: skip
def test_the_fields_may_be_in_the_body(body: bytes, headers: dict[str, str]) -> None:
    assert read(url_of("action-1"), body, headers) == [about("action-1", ReceiptKind.DELIVERED)]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"1"])
def test_a_body_that_is_no_json_object_is_an_error(body: bytes) -> None:
    with pytest.raises(CallbackError, match="the body is not"):
        read(url_of("action-1"), body, {"content-type": "application/json"})


@pytest.mark.parametrize("url", ["https://[half", f"{BASE}?" + "a=1&" * 200])
def test_a_url_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(CallbackError):
        read(url)


# --- a fixed URL -----------------------------------------------------------------------------------------------------


def test_at_a_fixed_url_the_reference_is_the_gateways() -> None:
    assert read(f"{BASE}?token={FIXED}", b"id=4f-17&status=1", **BY_ID) == [
        Receipt("sms_gateway", "4f-17", ReceiptKind.DELIVERED, NOON)
    ]


def test_at_a_fixed_url_a_receipt_needs_a_reference() -> None:
    with pytest.raises(CallbackError, match="set receipt_reference"):
        read(f"{BASE}?token={FIXED}", b"id=4f-17&status=1")
    with pytest.raises(CallbackError, match="check receipt_reference"):
        read(f"{BASE}?token={FIXED}", b"status=1", **BY_ID)


def test_a_signed_url_is_about_its_message_whatever_the_call_says() -> None:
    (receipt,) = read(f"{url_of('action-1')}&status=1&id=4f-17", **BY_ID)
    assert isinstance(receipt, Receipt)
    assert receipt.reference == "action-1"


@pytest.mark.parametrize("token", ["", "another-token-of-a-fixed-url", FIXED[:-1], f"{FIXED}x", SECRET])
def test_a_fixed_url_has_a_token(token: str) -> None:
    with pytest.raises(NotAuthentic):
        read(f"{BASE}?token={token}", b"from=1&text=STOP")
    with pytest.raises(NotAuthentic):
        read(f"{BASE}?token={token}", b"from=1&text=STOP", fixed_token="")


def test_while_fixed_tokens_rotate_both_are_good() -> None:
    for token in (FIXED, "another-token-of-a-fixed-url"):
        assert read(f"{BASE}?token={token}", b"from=1&text=STOP", fixed_token=f"another-token-of-a-fixed-url {FIXED}")


# --- what people wrote back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("text=STOP+it%21", "STOP it!"),
        ("text=%E9%80%80%E8%AE%A2&charset=UTF-8", "退订"),
        ("text=%90%00%8B%A2&charset=UTF-16BE", "退订"),
        ("text=%CD%CB%B6%A9&charset=GBK", "退订"),
        ("text=%FF&charset=", "\ufffd"),
        ("text=", ""),
    ],
)
def test_what_people_wrote_back(query: str, text: str) -> None:
    assert read(f"{BASE}?token={FIXED}&from=%2B8613812345678&id=17&{query}") == [
        IncomingText("sms_gateway", NUMBER, text, NOON, "17")
    ]


def test_a_text_may_come_as_json() -> None:
    body = json.dumps({"from": NUMBER, "text": "退订 🎁", "id": 17}).encode()
    assert read(f"{BASE}?token={FIXED}", body, {"content-type": "application/json"}) == [
        IncomingText("sms_gateway", NUMBER, "退订 🎁", NOON, "17")
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [("&text=STOP", "set text_from"), ("&from=1&text=STOP&charset=8-BIT", "charset that is not known")],
)
def test_a_text_that_cannot_be_read_is_an_error(query: str, said: str) -> None:
    with pytest.raises(CallbackError, match=said):
        read(f"{BASE}?token={FIXED}{query}")
