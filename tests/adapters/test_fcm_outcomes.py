"""What FCM's answers mean, as its documentation and answers in the field have them."""

import pytest

from adapters.base import Outcome
from adapters.fcm.outcomes import INVALID_ARGUMENT, MEANINGS
from tests.adapters.emails import SECRET
from tests.adapters.fake_fcm import FakeFcm, fcm_error, violations
from tests.adapters.fake_http import Response
from tests.adapters.using_fcm import only

APNS = {"statusCode": 410, "reason": "Unregistered"}
TABLE: tuple[tuple[Response, Outcome, str, bool], ...] = (
    (fcm_error(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."), Outcome.REJECTED, "device_gone", True),
    (
        fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token"),
        Outcome.REJECTED, "device_gone", True,
    ),
    (
        fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", rpc_BadRequest=violations("message.token")),
        Outcome.REJECTED, "device_gone", True,
    ),
    (
        fcm_error(400, "INVALID_ARGUMENT", rpc_BadRequest=violations("message.data[0].value")),
        Outcome.REJECTED, "content_refused", False,
    ),
    (
        fcm_error(400, "INVALID_ARGUMENT", message="registration token and data", rpc_BadRequest=violations("message.data")),
        Outcome.REJECTED, "content_refused", False,
    ),
    (fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Message is too big"), Outcome.REJECTED, "content_refused", False),
    (Response(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}}), Outcome.REJECTED, "content_refused", False),
    (
        fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", firebase_fcm_v1_ApnsError=APNS),
        Outcome.REJECTED, "device_gone", True,
    ),
    (
        fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", firebase_fcm_v1_ApnsError={"reason": "BadTopic"}),
        Outcome.REJECTED, "content_refused", False,
    ),
    (fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), Outcome.REJECTED, "other_app", False),
    (fcm_error(403, "PERMISSION_DENIED"), Outcome.ADAPTER_DOWN, "not_authorised", False),
    (fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Outcome.SENDING_REFUSED, "rate_limited", False),
    (fcm_error(429, "RESOURCE_EXHAUSTED"), Outcome.SENDING_REFUSED, "rate_limited", False),
    (fcm_error(503, "UNAVAILABLE", "UNAVAILABLE"), Outcome.SENDING_REFUSED, "service_unavailable", False),
    (fcm_error(500, "INTERNAL", "INTERNAL"), Outcome.SENDING_REFUSED, "service_unavailable", False),
    (fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), Outcome.SENDING_REFUSED, "platform_auth_failed", False),
    (fcm_error(404, "NOT_FOUND"), Outcome.SENDING_REFUSED, "request_refused", False),
    (fcm_error(400, "UNSPECIFIED_ERROR", "UNSPECIFIED_ERROR"), Outcome.REJECTED, "request_refused", False),
    (Response(502, b"<!DOCTYPE html>"), Outcome.UNKNOWN, "service_unavailable", False),
    (Response(404, b"<!DOCTYPE html>"), Outcome.REJECTED, "request_refused", False),
    (Response(200, b"<!DOCTYPE html>"), Outcome.UNKNOWN, "protocol_error", False),
    (Response(200, {"name": 7}), Outcome.UNKNOWN, "protocol_error", False),
    (Response(400, {"error": "text"}), Outcome.REJECTED, "request_refused", False),
    (Response(400, {"error": {"details": [7, {"errorCode": 8}], "status": 9}}), Outcome.REJECTED, "request_refused", False),
    (
        fcm_error(400, "INVALID_ARGUMENT", rpc_BadRequest={"fieldViolations": [1, {"field": f"a {SECRET}"}]}),
        Outcome.REJECTED, "content_refused", False,
    ),
)  # fmt: skip


@pytest.mark.parametrize(("response", "outcome", "reason", "gone"), TABLE)
def test_what_an_answer_means(response: Response, outcome: Outcome, reason: str, gone: bool) -> None:
    answer = only(FakeFcm(lambda _: response))
    assert (answer.outcome, answer.reason, answer.gone) == (outcome, reason, gone)
    assert SECRET not in answer.detail
    assert str(response.status) in answer.detail


def test_the_table_has_every_code() -> None:
    said = repr([response.body for response, *_ in TABLE])
    for code in (*MEANINGS, INVALID_ARGUMENT):
        assert f"'{code}'" in said or code == "UNAUTHENTICATED"


def test_the_wait_that_fcm_asks_for_is_told() -> None:
    quota = fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    told = Response(quota.status, quota.body, [("retry-after", "37")])
    assert only(FakeFcm(lambda _: told)).detail == "HTTP status 429, QUOTA_EXCEEDED, retry after 37 s"
    odd = Response(quota.status, quota.body, [("retry-after", SECRET)])
    assert only(FakeFcm(lambda _: odd)).detail == "HTTP status 429, QUOTA_EXCEEDED"
