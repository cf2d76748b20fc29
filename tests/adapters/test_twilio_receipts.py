"""Twilio's calls: signatures that are right and forged ones, what became of messages, and what people wrote back."""

import hmac
import json
from base64 import b64encode
from hashlib import sha1, sha256
from urllib.parse import urlencode

import pytest

from adapters.base import Callback, CallbackError, IncomingText, NotAuthentic, Receipt, ReceiptKind
from adapters.twilio.options import TwilioOptions
from adapters.twilio.receipts import receipts
from adapters.twilio.signature import signature
from tests.adapters.twilio_api import ACCOUNT, SENDER, TOKEN

PUBLIC = "https://habitue.example.com/receipts/twilio"
INSIDE = "http://10.0.0.7:8080/receipts/twilio"
NOON = 1_790_078_400_000
SID = "SM" + "5" * 32
PHONE = "+8613812345678"
DELIVERED = {
    "AccountSid": ACCOUNT,
    "MessageSid": SID,
    "MessageStatus": "delivered",
    "SmsSid": SID,
    "SmsStatus": "delivered",
    "To": PHONE,
    "From": SENDER,
    "ApiVersion": "2010-04-01",
    "RawDlrDoneDate": "2609221200",
}


def signed(url: str, form: dict[str, str], token: str = TOKEN) -> str:
    """Sign as Twilio's page on security says, without the adapter's code."""
    text = url
    for name in sorted(form):
        text += name + form[name]
    return b64encode(hmac.new(token.encode(), text.encode(), sha1).digest()).decode()


def call(form: dict[str, str], url: str = PUBLIC, called: str = PUBLIC, token: str = TOKEN, **headers: str) -> Callback:
    usual = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    given = {"x-twilio-signature": signed(url, form, token), **headers}
    return Callback({**usual, **given}, urlencode(form).encode(), called, NOON)


def read(callback: Callback, **changes: object) -> list[Receipt | IncomingText]:
    usual = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": SENDER, "callback_url": PUBLIC}
    return [*receipts(TwilioOptions.model_validate({**usual, **changes}), "twilio", callback)]


# --- signatures ------------------------------------------------------------------------------------------------------


def test_the_published_vector() -> None:
    form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    given = signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)
    assert given == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form[::-1]) == given


def test_a_call_as_twilio_makes_it() -> None:
    assert read(call(DELIVERED)) == [Receipt("twilio", SID, ReceiptKind.DELIVERED, NOON)]


def test_it_stays_right_with_fields_that_twilio_adds_and_with_empty_ones() -> None:
    assert read(call({**DELIVERED, "NewField": "", "Überraschung": "ja & nein = +%"}))[0] == read(call(DELIVERED))[0]


FORGED = {
    "another status": lambda one: Callback(one.headers, one.body.replace(b"delivered", b"read"), one.url, one.at),
    "another message": lambda one: Callback(one.headers, one.body.replace(b"SM555", b"SM556"), one.url, one.at),
    "a field more": lambda one: Callback(one.headers, one.body + b"&Extra=1", one.url, one.at),
    "a field twice": lambda one: Callback(one.headers, one.body + b"&MessageStatus=read", one.url, one.at),
    "a field less": lambda one: Callback(
        one.headers, one.body.replace(b"&ApiVersion=2010-04-01", b""), one.url, one.at
    ),
    "another query": lambda one: Callback(one.headers, one.body, f"{one.url}?MessageStatus=read", one.at),
    "no signature": lambda one: Callback({"content-type": one.headers["content-type"]}, one.body, one.url, one.at),
    "an empty one": lambda one: Callback({**one.headers, "x-twilio-signature": ""}, one.body, one.url, one.at),
    "not ASCII": lambda one: Callback({**one.headers, "x-twilio-signature": "ü"}, one.body, one.url, one.at),
    "passed off as JSON": lambda one: Callback(
        {**one.headers, "content-type": "application/json"}, one.body, one.url, one.at
    ),
    "an empty body": lambda one: Callback(one.headers, b"", one.url, one.at),
    "octets": lambda one: Callback(one.headers, b"\xff" + one.body, one.url, one.at),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_call_is_refused(forge: object) -> None:
    assert callable(forge)
    with pytest.raises(NotAuthentic) as caught:
        read(forge(call(DELIVERED)))
    for private in (TOKEN, PHONE, SID):
        assert private not in str(caught.value)


def test_a_call_of_another_account_is_refused() -> None:
    with pytest.raises(NotAuthentic, match="neither auth_token nor the URL"):
        read(call(DELIVERED, token="somebody else's token"))


def test_while_tokens_rotate_both_are_good() -> None:
    for token in (TOKEN, "the-next-token"):
        assert read(call(DELIVERED, token=token), auth_token=f"the-next-token {TOKEN}")
    with pytest.raises(NotAuthentic):
        read(call(DELIVERED), auth_token="the-next-token")


def test_without_a_token_nothing_can_be_verified() -> None:
    key = {"api_key": "SK" + "1" * 32, "api_secret": "a secret"}
    with pytest.raises(CallbackError, match="set auth_token"):
        read(call(DELIVERED), auth_token="", **key)


def test_behind_a_proxy_the_public_url_counts() -> None:
    assert read(call(DELIVERED, called=INSIDE))
    assert read(call(DELIVERED, url=f"{PUBLIC}?shop=1", called=f"{INSIDE}?shop=1"))
    with pytest.raises(NotAuthentic):
        read(call(DELIVERED, called=INSIDE), callback_url="")
    with pytest.raises(CallbackError, match="set callback_url"):
        read(call(DELIVERED, called=""), callback_url="")


def test_without_an_option_the_url_that_was_called_counts() -> None:
    assert read(call(DELIVERED), callback_url="")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (PUBLIC, PUBLIC.replace(".com", ".com:443")),
        (PUBLIC.replace(".com", ".com:443"), PUBLIC),
        (PUBLIC.replace(".com", ".com:8443"), PUBLIC.replace(".com", ".com:8443")),
    ],
)
def test_the_usual_port_may_be_in_the_url_or_not(ours: str, theirs: str) -> None:
    assert read(call(DELIVERED, url=theirs), callback_url=ours)


def test_an_unusual_port_must_be_in_it() -> None:
    with pytest.raises(NotAuthentic):
        read(call(DELIVERED, url=PUBLIC.replace(".com", ".com:8443")))


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(NotAuthentic, match="is not one"):
        read(call(DELIVERED, called="https://[half/receipts"))


def test_a_webhooks_rule_is_told_apart() -> None:
    given = {"x-twilio-webhooks-signature-settings": "key=KY1,algorithm=HMAC_SHA256"}
    with pytest.raises(NotAuthentic, match="Webhooks Rule"):
        read(call(DELIVERED, **given))


def json_call(body: bytes, digest: str = "") -> Callback:
    url = f"{PUBLIC}?bodySHA256={digest or sha256(body).hexdigest()}"
    headers = {"content-type": "application/json", "x-twilio-signature": signed(url, {})}
    return Callback(headers, body, url.replace(PUBLIC, INSIDE), NOON)


def test_a_json_body_is_signed_by_its_digest() -> None:
    body = json.dumps({**DELIVERED, "ErrorCode": None}).encode()
    assert read(json_call(body)) == [Receipt("twilio", SID, ReceiptKind.DELIVERED, NOON)]
    with pytest.raises(NotAuthentic, match="the body is not the one"):
        read(json_call(body, sha256(b"another").hexdigest()))
    for bad in (b"[]", b"{", b"\xff"):
        with pytest.raises(CallbackError, match="JSON"):
            read(json_call(bad))


def test_a_call_by_get_is_signed_by_its_url() -> None:
    url = f"{PUBLIC}?{urlencode(DELIVERED)}"
    assert read(Callback({"x-twilio-signature": signed(url, {})}, b"", url, NOON)) == [
        Receipt("twilio", SID, ReceiptKind.DELIVERED, NOON)
    ]


# --- what became of messages -----------------------------------------------------------------------------------------


def of(status: str, **fields: str) -> list[Receipt | IncomingText]:
    return read(call({**DELIVERED, "MessageStatus": status, **fields}))


@pytest.mark.parametrize(
    "status", ["accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", "novel"]
)
def test_what_is_on_its_way_is_no_receipt(status: str) -> None:
    assert of(status) == []


def test_what_was_read_was_opened() -> None:
    assert of("read") == [Receipt("twilio", SID, ReceiptKind.OPENED, NOON)]


@pytest.mark.parametrize("status", ["undelivered", "failed"])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("30001", "rate_limited"),
        ("30002", "account_inactive"),
        ("30003", "number_unreachable"),
        ("30004", "carrier_blocked"),
        ("30005", "number_unusable"),
        ("30006", "number_unusable"),
        ("30007", "carrier_filtered"),
        ("30008", "not_delivered"),
        ("30010", "price_limit"),
        ("30017", "service_unavailable"),
        ("30018", "sender_unregistered"),
        ("30022", "rate_limited"),
        ("30032", "sender_unregistered"),
        ("30034", "sender_unregistered"),
        ("30036", "not_sent_in_time"),
        ("30450", "carrier_blocked"),
        ("21610", "opted_out_at_provider"),
        ("21614", "number_unusable"),
        ("63016", "content_refused"),
        ("63024", "number_unreachable"),
        ("99999", "not_delivered"),
    ],
)
def test_what_did_not_arrive_says_why(status: str, code: str, reason: str) -> None:
    assert of(status, ErrorCode=code) == [Receipt("twilio", SID, ReceiptKind.BOUNCED, NOON, reason, f"{status} {code}")]


@pytest.mark.parametrize("code", ["", "0", "none", "²"])
def test_what_did_not_arrive_without_a_code(code: str) -> None:
    assert of("undelivered", ErrorCode=code) == [
        Receipt("twilio", SID, ReceiptKind.BOUNCED, NOON, "not_delivered", "undelivered")
    ]


def test_the_providers_text_is_kept_without_the_number() -> None:
    (receipt,) = of("failed", ErrorCode="30005", ErrorMessage=f"Unknown destination handset {PHONE}")
    assert isinstance(receipt, Receipt)
    assert receipt.detail == "failed 30005: Unknown destination handset …"


def test_a_status_without_its_message_is_an_error() -> None:
    with pytest.raises(CallbackError, match="MessageSid is missing"):
        of("delivered", MessageSid="")


def test_a_call_about_something_else_is_an_error() -> None:
    with pytest.raises(CallbackError, match="neither a message's status nor an incoming message"):
        read(call({"CallSid": "CA1", "CallStatus": "completed"}))


# --- what people wrote back ------------------------------------------------------------------------------------------

INCOMING = {
    "AccountSid": ACCOUNT,
    "MessageSid": SID,
    "SmsMessageSid": SID,
    "SmsStatus": "received",
    "From": PHONE,
    "To": SENDER,
    "Body": "退订 please",
    "NumMedia": "0",
    "NumSegments": "1",
}


def test_what_people_wrote_back() -> None:
    assert read(call(INCOMING)) == [IncomingText("twilio", PHONE, "退订 please", NOON, SID)]


def test_a_keyword_of_the_accounts_own_is_what_twilio_says_it_means() -> None:
    (text,) = read(call({**INCOMING, "Body": "BAJA", "OptOutType": "STOP"}))
    assert isinstance(text, IncomingText)
    assert text.text == "STOP"


def test_over_other_channels_the_number_is_the_address() -> None:
    (text,) = read(call({**INCOMING, "From": f"whatsapp:{PHONE}"}))
    assert isinstance(text, IncomingText)
    assert text.address == PHONE


def test_an_empty_text_is_one() -> None:
    assert read(call({**INCOMING, "Body": ""})) == [IncomingText("twilio", PHONE, "", NOON, SID)]
