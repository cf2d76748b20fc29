"""Webhooks are sent by steps like messages: from the file to the endpoint, which answers."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.fake_http import FakeHttp, HangUp, Request, Response, Script, fake_http
from tests.adapters.webhook_endpoint import OLD_SECRET, SECRET, signature
from tests.world import World

PLAYBOOK = """
[playbook]
name = "welcome"
class = "service"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
send = ["webhook"]
template = "welcome/hook"
"""
TEMPLATE = (
    "{% block event %}customer.signed_up{% endblock %}"
    '{% block data %}{"name": "{{ facts.first_name }}", "of": "{{ playbook }}"}{% endblock %}'
)
FILES = {
    "playbooks/welcome.toml": PLAYBOOK,
    "templates/welcome/hook.webhook.j2": TEMPLATE,
    "templates/welcome/hello.email.j2": None,
    "templates/welcome/gift.email.j2": None,
}


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, FILES, {"channels": {"webhook": {"adapters": ["capture"]}}})
    made.open()
    for key in ("ann", "bo"):
        made.user(key, 0, first_name=f'{key}", "of": "')
        made.event(key, "signed_up", 0.5)
    made.tick(0.6)
    yield made
    made.close()


def delivered(world: World, script: Script) -> FakeHttp:
    async def run() -> FakeHttp:
        async with fake_http(script) as server:
            options = {"url": f"{server.url}/hooks", "secrets": f"{SECRET} {OLD_SECRET}", "connections": 1}
            world.configure(channels={"webhook": {"adapters": ["webhook"]}}, adapters={"webhook": options})
            await world.app.delivery(world.content()).drain()
            return server

    return asyncio.run(run())


def log(world: World) -> list[tuple[str, ...]]:
    read = [json.loads(line) for line in world.command("log", "--json").output.splitlines()]
    return sorted((one["user"], one["state"], one["reason"], one["subject"] or "") for one in read)


def test_each_user_has_an_address_and_a_value_stays_a_value(world: World) -> None:
    server = delivered(world, lambda _: Response(204))
    read = sorted((json.loads(one.body) for one in server.requests), key=lambda one: str(one["user"]))
    assert [(one["user"], one["type"], one["data"]) for one in read] == [
        (key, "customer.signed_up", {"name": f'{key}", "of": "', "of": "welcome"}) for key in ("ann", "bo")
    ]
    assert all(signature(OLD_SECRET, one) in one.headers["webhook-signature"] for one in server.requests)
    assert len({one.headers["webhook-id"] for one in server.requests}) == 2
    assert log(world) == [
        ("ann", "accepted", "accepted", "customer.signed_up"),
        ("bo", "accepted", "accepted", "customer.signed_up"),
    ]


def test_an_endpoint_that_wants_no_more_fails_no_message(world: World) -> None:
    server = delivered(world, lambda _: Response(410))
    assert len(server.requests) == 1, "the adapter pauses"
    assert [one[1:3] for one in log(world)] == [("queued", "adapter_down")] * 2


def test_a_second_attempt_has_the_same_id(world: World) -> None:
    def busy(_: Request) -> Response:
        return Response(408)

    first = {one.headers["webhook-id"] for one in delivered(world, busy).requests}
    world.tick(0.7)
    again = {one.headers["webhook-id"] for one in delivered(world, lambda _: Response(204)).requests}
    assert first == again
    assert len(first) == 2


def test_what_may_have_arrived_is_sent_again_with_the_same_id(world: World) -> None:
    first = {one.headers["webhook-id"] for one in delivered(world, lambda _: HangUp()).requests}
    assert {one[1:3] for one in log(world)} == {("retrying", "repeated_after_unknown")}
    world.tick(0.7)
    again = {one.headers["webhook-id"] for one in delivered(world, lambda _: Response(204)).requests}
    assert first == again
    assert {one[1] for one in log(world)} == {"accepted"}


def test_check_finds_data_that_is_never_json(world: World) -> None:
    world.write("templates/welcome/hook.webhook.j2", TEMPLATE.replace('}"}', '}",}'))
    (found,) = [str(one) for one in world.app.rehearse(world.content())]
    assert found.startswith("templates/welcome/hook.webhook.j2: error: the data is not JSON: ")
    assert "in line 1 of the block, at character 2" in found


def test_preview_shows_the_event_and_its_data(world: World) -> None:
    shown = world.command("preview", "welcome/hook", "--channel", "webhook").output
    assert "customer.signed_up" in shown
    assert '"of": "welcome"' in shown
    assert '"name": "Robin"' in shown
