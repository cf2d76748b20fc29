"""Pigeon's calls are believed when they are signed and recent, and read as receipts and texts."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from adapters.base import Callback, CallbackError, IncomingText, NotAuthentic, Receipt, ReceiptKind
from adapters.kinds import checked_options
from tests.adapters.emails import AT, SECRET
from tests.cost_of_change.pigeon.kind import PIGEON
from tests.cost_of_change.pigeon.pigeon_api import CALLS, call

DELIVERED = {"type": "status", "id": "pg_1", "tag": "action-7", "status": "delivered", "at": AT}
FAILED = {**DELIVERED, "status": "failed"}
STOP = {"type": "incoming", "id": "in_1", "from": "+12025550123", "text": "STOP", "at": AT}


def options(secrets: str = CALLS) -> BaseModel:
    return checked_options(PIGEON, {"token": SECRET, "sender": "MAISON", "callback_secret": secrets})


def read(headers: dict[str, str], body: bytes, at: int = AT, secrets: str = CALLS) -> list[Any]:
    assert PIGEON.receipts is not None
    lower = {name.lower(): value for name, value in headers.items()}
    return list(PIGEON.receipts(options(secrets), "pigeon", Callback(lower, body, at=at)))


def test_statuses_become_receipts_and_texts_texts() -> None:
    dead = {**FAILED, "code": 1001, "message": "+12025550123 is not assigned"}
    off = {**FAILED, "code": 1003, "message": "off"}
    new = {**FAILED, "code": 4711}
    assert read(*call([DELIVERED, dead, off, new, STOP], AT)) == [
        Receipt("pigeon", "pg_1", ReceiptKind.DELIVERED, AT, key="action-7"),
        Receipt(
            "pigeon", "pg_1", ReceiptKind.BOUNCED, AT, "number_unusable", "1001: … is not assigned", True, "action-7"
        ),
        Receipt("pigeon", "pg_1", ReceiptKind.BOUNCED, AT, "pigeon_phone_off", "1003: off", key="action-7"),
        Receipt("pigeon", "pg_1", ReceiptKind.BOUNCED, AT, "not_delivered", "4711: ", key="action-7"),
        IncomingText("pigeon", "+12025550123", "STOP", AT, "in_1"),
    ]


def test_what_says_nothing_to_us_is_no_mistake() -> None:
    assert read(*call([{**DELIVERED, "status": "queued"}, {"type": "price", "id": "pg_1"}], AT)) == []


@pytest.mark.parametrize("late", [-300_000, 0, 300_000])
def test_a_call_may_differ_by_five_minutes(late: int) -> None:
    assert len(read(*call([DELIVERED], AT), at=AT + late)) == 1


@pytest.mark.parametrize("late", [-302_000, 302_000])
def test_a_call_that_is_older_is_refused(late: int) -> None:
    with pytest.raises(NotAuthentic, match="more than 5 minutes off"):
        read(*call([DELIVERED], AT), at=AT + late)


@pytest.mark.parametrize("stamp", ["", "-1", "²", "1e9", "9" * 30])
def test_a_time_stamp_that_is_none_is_refused(stamp: str) -> None:
    from tests.cost_of_change.pigeon.receipts import signature

    with pytest.raises(NotAuthentic):
        read({"X-Pigeon-Timestamp": stamp, "X-Pigeon-Signature": signature(CALLS, stamp, b"{}")}, b"{}")


def test_whatever_was_changed_is_noticed() -> None:
    headers, body = call([DELIVERED], AT)
    for changed, octets in (
        ({**headers, "X-Pigeon-Timestamp": str(AT // 1_000 + 1)}, body),
        ({**headers, "X-Pigeon-Signature": "ä"}, body),
        ({}, body),
        (headers, body.replace(b"pg_1", b"pg_2")),
    ):
        with pytest.raises(NotAuthentic, match="does not match"):
            read(changed, octets)


def test_both_secrets_count_while_it_changes_and_none_counts_without_one() -> None:
    for secret in ("the-new-one", CALLS):
        assert len(read(*call([DELIVERED], AT, secret), secrets=f"the-new-one {CALLS}")) == 1
    with pytest.raises(NotAuthentic):
        read(*call([DELIVERED], AT, "another"), secrets=f"the-new-one {CALLS}")
    for nothing in ("", " "):
        with pytest.raises(NotAuthentic, match="`callback_secret` is not set"):
            read(*call([DELIVERED], AT, nothing), secrets=nothing)


@pytest.mark.parametrize(
    "events", [[1], [{}], None, 7, [{**FAILED, "code": None}], [{**DELIVERED, "at": None}], [{**STOP, "from": 7}]]
)
def test_what_cannot_be_read_is_told_without_the_body(events: Any) -> None:
    with pytest.raises(CallbackError, match="not a list of Pigeon's events") as error:
        read(*call(events, AT))
    assert not isinstance(error.value, NotAuthentic)
    assert json.dumps(events) not in str(error.value) or events in (7, None)
