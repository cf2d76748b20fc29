"""Webhooks: the signature and its rotation, what an endpoint's answers mean, and what is wrong with options."""

import asyncio
import json
import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from adapters.base import Answer, Message, Outcome, WebhookPayload
from adapters.http.client import Reply
from adapters.kinds import checked_options, find_kind, make_adapter
from adapters.registry import ADAPTERS
from adapters.webhook.adapter import WebhookAdapter
from adapters.webhook.options import WebhookOptions
from adapters.webhook.outcomes import WEBHOOK_REASONS, classified
from tests.adapters.fake_http import Request, Response, fake_http
from tests.adapters.webhook_endpoint import NOW, OLD_SECRET, SECRET, genuine, signature

MESSAGE = Message("a1", "hello@example.com", "ann", WebhookPayload("tier.reached", {"tier": "gold"}), NOW - 90_000)


def posted(secrets: str = SECRET, message: Message = MESSAGE, **options: object) -> tuple[Answer, Request]:
    async def run() -> tuple[Answer, Request]:
        async with fake_http(lambda _: Response(204)) as server:
            read = WebhookOptions.model_validate({"url": server.url, "secrets": secrets, **options})
            async with WebhookAdapter(read, "webhook", lambda: NOW) as adapter:
                answer = await adapter.send(message)
            (request,) = server.requests
            return answer, request

    return asyncio.run(run())


def test_the_signature_is_that_of_the_specifications_example() -> None:
    """The example of the specification's own libraries, so that the receiver in these tests is right."""
    request = Request(
        "POST",
        "/",
        {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"},
        b'{"test": 2432232314}',
    )
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert signature(secret, request) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_request_says_what_happened_to_whom_and_when() -> None:
    answer, request = posted(headers={"Authorization": "Bearer t"})
    assert genuine(request)
    assert request.json == {
        "type": "tier.reached",
        "timestamp": "2026-11-20T08:58:30.000+00:00",
        "user": "ann",
        "data": {"tier": "gold"},
    }
    assert request.headers["authorization"] == "Bearer t"
    assert request.headers["webhook-id"] == answer.reference
    assert int(request.headers["webhook-timestamp"]) == NOW // 1000, "when it was sent, not when it was composed"


@pytest.mark.parametrize("key", ["a1", "test.7.willkommen/grüße.1", "a b\r\n"])
def test_the_identifier_is_the_same_each_time_and_safe_to_sign(key: str) -> None:
    first, again = (posted(message=replace(MESSAGE, key=key))[0].reference for _ in range(2))
    assert first == again
    assert re.fullmatch(r"msg_[0-9a-f]{32}", first)
    assert first != posted(message=replace(MESSAGE, key=f"{key}x"))[0].reference


def test_while_secrets_are_replaced_each_verifies() -> None:
    _, request = posted(f"{SECRET} {OLD_SECRET}")
    assert request.headers["webhook-signature"] == f"{signature(SECRET, request)} {signature(OLD_SECRET, request)}"
    assert genuine(request, SECRET)
    assert genuine(request, OLD_SECRET)


def test_another_secret_and_a_changed_body_do_not_verify() -> None:
    _, request = posted()
    assert not genuine(request, OLD_SECRET)
    forged = Request(request.method, request.target, request.headers, request.body.replace(b"gold", b"none"))
    assert not genuine(forged)


ANSWERS = [
    (200, Outcome.ACCEPTED, ""),
    (299, Outcome.ACCEPTED, ""),
    (301, Outcome.ADAPTER_DOWN, "endpoint_moved"),
    (304, Outcome.ADAPTER_DOWN, "endpoint_moved"),
    (400, Outcome.REJECTED, "request_refused"),
    (401, Outcome.ADAPTER_DOWN, "auth_failed"),
    (403, Outcome.SENDING_REFUSED, "not_authorised"),
    (404, Outcome.SENDING_REFUSED, "endpoint_missing"),
    (405, Outcome.SENDING_REFUSED, "endpoint_missing"),
    (408, Outcome.RETRY, "service_unavailable"),
    (410, Outcome.ADAPTER_DOWN, "endpoint_gone"),
    (413, Outcome.REJECTED, "request_refused"),
    (429, Outcome.SENDING_REFUSED, "rate_limited"),
    (500, Outcome.SENDING_REFUSED, "service_unavailable"),
    (502, Outcome.UNKNOWN, "service_unavailable"),
    (503, Outcome.SENDING_REFUSED, "service_unavailable"),
    (504, Outcome.UNKNOWN, "service_unavailable"),
]


@pytest.mark.parametrize(("status", "outcome", "reason"), ANSWERS)
def test_what_an_answer_means(status: int, outcome: Outcome, reason: str) -> None:
    answer = classified(Reply(status, {}, b"ann@example.com is unknown"), "msg_1")
    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert answer.detail == ("" if outcome is Outcome.ACCEPTED else f"HTTP status {status}"), "no address in it"
    assert reason in {"", *(one.value for one in WEBHOOK_REASONS)}


MISTAKES = [
    ({}, "`url` is missing"),
    ({"url": "http://example.com/hooks"}, "not encrypted"),
    ({"url": "example.com"}, "is not a URL"),
    ({"secrets": "correct-horse-battery"}, "does not begin with `whsec_`"),
    ({"secrets": f"{SECRET} whsec_***"}, "is not Base64"),
    ({"secrets": "whsec_c2hvcnQ="}, "has 5 octets"),
    ({"headers": {"webhook-id": "1"}}, "is set by the program"),
    ({"headers": {"Content-Type": "text/plain"}}, "is set by the program"),
    ({"headers": {"X-Key": "a\r\nX-Other: b"}}, "not ASCII on one line"),
    ({"headers": {"X Key": "a"}}, "the name of a header"),
    ({"headers": "X-Key: a"}, "write JSON in the environment"),
]


@pytest.mark.parametrize(("options", "said"), MISTAKES)
def test_a_wrong_option_is_explained_and_no_secret_shown(options: dict[str, object], said: str) -> None:
    given = {"url": "https://example.com/hooks", **options} if options else {}
    with pytest.raises(ValueError, match=said) as caught:
        checked_options(find_kind("webhook", ADAPTERS), given)
    for secret in ("correct-horse-battery", "X-Other"):
        assert secret not in str(caught.value)


def test_without_a_secret_there_is_no_adapter() -> None:
    with pytest.raises(ValueError, match="`secrets` is missing: put one into HABITUE_ADAPTERS__WEBHOOK__SECRETS"):
        make_adapter("webhook", {"url": "https://example.com/hooks"}, ADAPTERS, lambda: NOW)


def test_headers_can_be_json_in_the_environment() -> None:
    read = WebhookOptions.model_validate({"url": "https://example.com", "headers": json.dumps({"X-Key": "k"})})
    assert read.headers["X-Key"].get_secret_value() == "k"
    assert "'k'" not in repr(read)
    with pytest.raises(ValidationError):
        WebhookOptions.model_validate({"url": "https://example.com", "headers": '["X-Key"]'})
