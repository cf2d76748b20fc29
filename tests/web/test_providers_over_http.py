"""Providers that ship, calling the web door as their documentation says that they call."""

import hmac
from base64 import b64encode
from hashlib import sha1
from urllib.parse import urlencode

import pytest

from tests.adapters.emails import SECRET
from tests.adapters.twilio_api import ACCOUNT, SENDER, TOKEN
from tests.cost_of_change.test_fax import Office
from tests.web.door import PUBLIC, door

PROVIDERS = {
    "twilio": {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": SENDER},
    "sms_gateway": {
        "url": "https://sms.example.com/send",
        "fields": {"to": "{to}", "text": "{text}"},
        "reference_pattern": "id=(.+)",
        "receipt_url": f"{PUBLIC}/receipts/sms_gateway",
        "receipt_reference": "id",
        "receipt_kinds": {"1": "delivered", "2": "bounced"},
        "fixed_token": SECRET,
    },
}


@pytest.fixture
def texts(fax: Office) -> Office:
    """As if one text had left by each provider, instead of the faxes."""
    fax.configure(adapters=PROVIDERS)
    for number, adapter in enumerate(PROVIDERS, 1):
        fax.execute(
            "UPDATE action SET adapter = :adapter, reference = :reference WHERE id ="
            " (SELECT min(id) FROM action WHERE adapter = 'office')",
            adapter=adapter, reference=f"SM{number}",
        )  # fmt: skip
    return fax


def states(world: Office) -> dict[str, str]:
    return dict(world.rows("SELECT adapter, state FROM action WHERE reference LIKE 'SM%'"))


def test_twilio_posts_a_signed_form_and_reads_twiml(texts: Office) -> None:
    form = {"AccountSid": ACCOUNT, "MessageSid": "SM1", "MessageStatus": "delivered"}
    said = f"{PUBLIC}/receipts/twilio" + "".join(name + form[name] for name in sorted(form))
    signature = b64encode(hmac.new(TOKEN.encode(), said.encode(), sha1).digest()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    with door(texts) as web:
        done = web.client.post("/receipts/twilio", content=urlencode(form), headers=headers)
        forged = web.client.post("/receipts/twilio", content=urlencode({**form, "MessageSid": "SM2"}), headers=headers)
    assert (done.status_code, done.text, done.headers["content-type"]) == (
        200,
        "<Response/>",
        "text/xml; charset=utf-8",
    )
    assert forged.status_code == 403
    assert states(texts) == {"twilio": "delivered", "sms_gateway": "accepted"}


def test_a_gateway_gets_a_url_with_a_token_and_whoever_only_looks_changes_nothing(texts: Office) -> None:
    query = urlencode({"token": SECRET, "status": "2", "id": "SM2"})
    with door(texts) as web:
        looked = web.client.head(f"/receipts/sms_gateway?{query}")
        assert states(texts)["sms_gateway"] == "accepted"
        forged = web.client.get(f"/receipts/sms_gateway?{query.replace(SECRET, 'guessed')}")
        done = web.client.get(f"/receipts/sms_gateway?{query}")
    assert (looked.status_code, looked.headers["allow"]) == (405, "GET, POST")
    assert forged.status_code == 403
    assert (done.status_code, done.content) == (200, b"")
    assert states(texts) == {"twilio": "accepted", "sms_gateway": "bounced"}
