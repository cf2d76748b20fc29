"""Texts that are filed with a provider, from the playbook to its receipts; and what people see of them beforehand."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from adapters.base import Message, SmsPayload
from adapters.kinds import AdapterKind
from engine.actions.receipts import Received
from engine.errors import HabitueError
from engine.kinds import SHIPPED, Kinds
from tests.adapters.aliyun_api import OPTIONS
from tests.adapters.china_sms import CALLBACK_SECRET, NUMBER
from tests.adapters.fake_http import HangUp, Request, Response, Script, fake_http
from tests.provider import Provider
from tests.world import World

REFILL = """
[playbook]
name = "refill"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
id = "note"
send = ["sms"]
template = "refill/note"
"""
ENGLISH = "{% block body %}More {{ event.category }}?{% endblock %}"
CHINESE = "{% block body %}{{ event.category }}快用完了吗？{% endblock %}"
FILES = {
    "playbooks/refill.toml": REFILL,
    "playbooks/thanks.toml": None,
    "templates/thanks/mail.email.j2": None,
    "templates/thanks/mail.email.zh-CN.j2": None,
    "templates/refill/note.sms.j2": ENGLISH,
    "templates/refill/note.sms.zh-CN.j2": CHINESE,
}
FILED = {
    "refill/note": {
        "default": {"id": "SMS_1", "text": "More ${what}?"},
        "zh-CN": {"id": "SMS_2", "text": "${what}快用完了吗？"},
    }
}


def configured(world: World, **changes: object) -> World:
    world.configure(
        channels={"sms": {"adapters": ["aliyun"]}}, adapters={"aliyun": {**OPTIONS, "templates": FILED, **changes}}
    )
    return world


@pytest.fixture
def china(tmp_path: Path, database_url: str) -> Iterator[World]:
    world = configured(World(tmp_path / "maison", database_url, FILES)).open()
    world.user("li", phone=NUMBER, locale="zh-CN")
    world.user("ann", phone="+8613800138001", locale="en")
    for user in ("li", "ann"):
        world.order(user, 1, category="skincare")
    yield world
    world.close()


@pytest.fixture
def small(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[World]:
    """On SQLite alone: what is shown does not depend on the database."""
    world = configured(World(tmp_path / "maison", migrated_sqlite_url, FILES)).open()
    yield world
    world.close()


def accepting(_: Request) -> Response:
    return Response(200, {"Code": "OK", "BizId": "1^0", "Message": "OK", "RequestId": "1"})


def deliver(world: World, script: Script) -> list[Request]:
    """Deliver what is due to a provider on this machine; return the requests."""

    async def run() -> list[Request]:
        async with fake_http(script) as fake:
            configured(world, url=fake.url, answer_timeout=2.0)
            await world.app.delivery(world.content()).drain()
            return fake.requests

    return asyncio.run(run())


def receive(world: World, *items: dict[str, object]) -> Received:
    url = f"https://maison.example/receipts/aliyun?secret={CALLBACK_SECRET}"
    return world.app.receive("aliyun", {}, orjson.dumps(list(items)), url)


def test_each_user_gets_the_template_of_their_language(china: World) -> None:
    china.tick(1)
    requests = deliver(china, accepting)
    sent = {request.query["PhoneNumbers"]: request.query for request in requests}
    assert sent["13800138000"]["TemplateCode"] == "SMS_2"
    assert sent["13800138001"]["TemplateCode"] == "SMS_1"
    assert {query["TemplateParam"] for query in sent.values()} == {'{"what":"skincare"}'}
    assert china.rows("SELECT DISTINCT state FROM action") == [("accepted",)]


def test_a_message_that_is_not_filed_fails_by_itself(china: World) -> None:
    china.write("templates/refill/note.sms.zh-CN.j2", CHINESE.replace("快用完", "用完"))
    china.tick(1)
    requests = deliver(china, accepting)
    assert [request.query["TemplateCode"] for request in requests] == ["SMS_1"]
    rows = china.rows(
        "SELECT u.key, a.state, a.reason FROM action AS a JOIN users AS u ON u.id = a.user_id ORDER BY u.key"
    )
    assert rows == [("ann", "accepted", "accepted"), ("li", "failed", "template_mismatch")]


def test_a_receipt_tells_of_a_message_whose_answer_was_lost(china: World) -> None:
    china.tick(1)
    requests = deliver(china, lambda _: HangUp())
    assert china.rows("SELECT DISTINCT state FROM action") == [("unknown",)]
    keys = [request.query["OutId"] for request in requests]
    report = {"phone_number": "13800138000", "report_time": "2026-01-02 08:00:05", "success": True, "biz_id": "1^0"}
    told = [{**report, "out_id": key} for key in keys]
    assert receive(china, *told) == Received(new=2)
    assert china.rows("SELECT DISTINCT state FROM action") == [("delivered",)]
    assert receive(china, *told) == Received(known=2)


def test_a_number_that_has_unsubscribed_gets_no_more(china: World) -> None:
    china.tick(1)
    deliver(china, accepting)
    report = {"report_time": "2026-01-02 08:00:05", "success": False, "err_code": "USER_REJECT", "biz_id": "1^0"}
    assert receive(china, {**report, "phone_number": "13800138000"}).new == 1
    assert china.rows("SELECT count(*) FROM suppression") == [(1,)]


def test_a_preview_shows_what_the_provider_will_send(small: World) -> None:
    done = small.command("preview", "refill/note", "--channel", "sms", "--locale", "zh-CN")
    assert done.exit_code == 0
    assert "sent as the provider's template SMS_2 with what = skincare" in " ".join(done.output.split())
    shown = json.loads(small.command("preview", "refill/note", "--channel", "sms", "--json").output)
    assert shown["review"] == {
        "objection": "", "depends_on_values": False, "template": "SMS_1", "parameters": {"what": "skincare"},
    }  # fmt: skip
    assert json.loads(small.command("preview", "welcome/hello", "--json").output)["review"] is None


def test_a_preview_shows_what_the_provider_would_refuse(small: World) -> None:
    configured(small, templates={})
    done = small.command("preview", "refill/note", "--channel", "sms", "--locale", "zh-CN")
    assert done.exit_code == 0
    said = " ".join(done.output.split())
    assert "The provider would refuse it: no filed template is configured: write" in said
    assert '[adapters.aliyun.templates."refill/note".zh-cn]' in said


def test_check_finds_messages_that_are_not_filed(small: World) -> None:
    configured(small, templates={})
    done = small.command("check", "--json")
    assert done.exit_code == 1
    found = {(one["file"], one["severity"]): one["message"] for one in json.loads(done.output)}
    assert set(found) == {("templates/refill/note.sms.j2", "error"), ("templates/refill/note.sms.zh-CN.j2", "error")}
    assert "no filed template is configured" in found["templates/refill/note.sms.zh-CN.j2", "error"]


def test_options_that_cannot_be_read_are_said(small: World) -> None:
    configured(small, templates={"refill/note": {"zh-CN": {"id": "SMS_2", "text": "${a}${b}"}}})
    done = small.command("preview", "refill/note", "--channel", "sms")
    assert isinstance(done.exception, HabitueError)
    assert "config.toml: adapters.aliyun: `templates.refill/note.zh-CN`" in str(done.exception)


@pytest.mark.parametrize(("refuses", "text"), [(True, "More skincare?"), (False, "[test] More skincare?")])
def test_a_test_message_is_marked_unless_that_is_refused(
    tmp_path: Path, migrated_sqlite_url: str, refuses: bool, text: str
) -> None:
    provider = Provider("sms", "filing", SmsPayload)
    aliyun = next(kind for kind in SHIPPED.adapters if kind.name == "aliyun")
    review = aliyun.review if refuses else None
    filing = AdapterKind("filing", aliyun.options, lambda _options, _name: provider, "sms", review=review)
    world = World(tmp_path / "maison", migrated_sqlite_url, FILES, kinds=SHIPPED + Kinds(adapters=(filing,)))
    world.configure(channels={"sms": {"adapters": ["filing"]}}, adapters={"filing": {**OPTIONS, "templates": FILED}})
    done = world.command("send-test", "refill/note", "--channel", "sms", "--to", NUMBER)
    assert done.exit_code == 0, done.output
    [sent] = provider.sent
    assert isinstance(sent, Message)
    assert sent.payload.text == text
    assert (sent.template, sent.locale) == ("refill/note", "en")
    assert ("not marked as a test" in done.output) == refuses
