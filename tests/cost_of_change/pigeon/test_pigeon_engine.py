"""A queue leaves through Pigeon, and Pigeon's calls arrive: nothing in the program was changed for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.base import NotAuthentic
from engine.actions.receipts import Received
from engine.kinds import SHIPPED, installed_kinds
from tests.adapters.emails import SECRET
from tests.adapters.fake_http import HangUp
from tests.cost_of_change.pigeon.kind import KINDS, PIGEON
from tests.cost_of_change.pigeon.pigeon_api import CALLS, SENDER, PigeonApi, call, refusal, running
from tests.maison import FILES as MAISON
from tests.web.door import door
from tests.world import World, day

FILES: dict[str, str | None] = {
    "rules/facts.toml": """
[events.order_completed]
amount = "money"

[facts.first_name]
attribute = "first_name"
type = "text"
""",
    "playbooks/thanks.toml": """
[playbook]
name = "thanks"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
send = ["sms"]
template = "thanks/text"
""",
    "templates/thanks/text.sms.j2": "{% block body %}Thank you, {{ facts.first_name }}!{% endblock %}",
}
PHONES = {"ann": "+12025550101", "bo": "+12025550102", "cy": "+12025550103"}


@pytest.fixture
def api() -> PigeonApi:
    return PigeonApi()


@pytest.fixture
def world(tmp_path: Path, database_url: str, api: PigeonApi) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, {**dict.fromkeys(MAISON), **FILES}, kinds=SHIPPED + KINDS)
    with running(api) as url:
        made.configure(
            channels={"sms": {"adapters": ["pigeon"]}},
            adapters={"pigeon": {"token": SECRET, "sender": SENDER, "callback_secret": CALLS, "url": url}},
        )
        made.open()
        for key, phone in PHONES.items():
            made.user(key, phone=phone, first_name=key.title())
            made.order(key, 1)
        yield made
        made.close()


def log(world: World, *words: str) -> list[tuple[str, str, str]]:
    done = world.command("log", "--json", *words)
    assert done.exit_code == 0, done.output
    return sorted((one["user"], one["state"], one["reason"]) for one in map(json.loads, done.output.splitlines()))


def test_the_files_are_good(world: World) -> None:
    assert [str(one) for one in world.findings() if one.severity == "error"] == []


def test_a_queue_leaves_and_what_became_of_it_arrives(world: World, api: PigeonApi) -> None:
    world.tick(1.1, deliver=True)
    assert sorted((text["to"], text["text"]) for text in api.texts.values()) == [
        (phone, f"Thank you, {key.title()}!") for key, phone in PHONES.items()
    ]
    assert log(world) == [(key, "accepted", "accepted") for key in PHONES]

    ids = {text["to"]: (api.id_of(key), text["tag"]) for key, text in api.texts.items()}
    at = int(day(1.2))
    ann, bo, _ = (
        {"type": "status", "id": one, "tag": tag, "at": at} for one, tag in map(ids.__getitem__, PHONES.values())
    )
    told = [
        {**ann, "status": "delivered"},
        {**bo, "status": "failed", "code": 1001, "message": "not assigned"},
        {"type": "status", "id": "pg_of_nobody", "tag": "x", "status": "delivered", "at": at},
        {"type": "incoming", "id": "in_1", "from": PHONES["cy"], "text": "Stop!", "at": at},
    ]
    world.clock.move_to(day(1.2))
    headers, body = call(told, at)
    first = world.app.receive("pigeon", headers, body)
    assert (first.new, first.known, first.unmatched) == (2, 0, 1)
    assert world.app.receive("pigeon", headers, body).new == 0
    assert log(world) == [
        ("ann", "delivered", "reported"),
        ("bo", "bounced", "number_unusable"),
        ("cy", "accepted", "accepted"),
    ]
    with pytest.raises(NotAuthentic):
        world.app.receive("pigeon", *call(told, at, "another"))

    for key in PHONES:
        world.order(key, 2)
    world.tick(2.1, deliver=True)
    assert [text["to"] for text in api.texts.values()][3:] == [PHONES["ann"]]
    assert [(user, state) for user, state, _ in log(world, "--state", "suppressed")] == [
        ("bo", "suppressed"),
        ("cy", "suppressed"),
    ]


def test_what_may_have_been_sent_is_sent_again_with_its_key_and_nobody_gets_it_twice(
    world: World, api: PigeonApi
) -> None:
    api.first = [HangUp()]
    world.tick(1.1, deliver=True)
    assert len(api.texts) == 3
    assert {state for _, state, _ in log(world)} == {"accepted"}
    assert "repeated_after_unknown" in {reason for _, _, reason in log(world, "--history")}


def test_a_dead_number_gets_nothing_more_and_a_refused_account_costs_no_message(world: World, api: PigeonApi) -> None:
    api.first = [refusal(403, 2001, "no credit")] * 3
    world.tick(1.1, deliver=True)
    assert not {state for _, state, _ in log(world)} & {"failed", "unknown"}
    world.tick(1.2, deliver=True)
    world.tick(1.3, deliver=True)
    assert [(user, state) for user, state, _ in log(world)] == [(key, "accepted") for key in PHONES]
    api.first = [refusal(422, 1001, "not assigned")]
    world.order("ann", 2)
    world.tick(2.1, deliver=True)
    world.order("ann", 3)
    world.tick(3.1, deliver=True)
    assert [state for user, state, _ in log(world) if user == "ann"] == ["accepted", "failed", "suppressed"]


def test_a_receipt_finds_a_message_whose_answer_never_came(world: World, api: PigeonApi) -> None:
    api.first = [refusal(502, 3003)] * 30
    world.configure(delivery={"tries": 1})
    world.tick(1.1, deliver=True)
    assert {state for _, state, _ in log(world)} == {"unknown"}
    at = int(day(1.2))
    world.clock.move_to(day(1.2))
    told = [{"type": "status", "id": f"pg_{tag}", "tag": tag, "status": "delivered", "at": at} for tag in {*api.tags}]
    assert world.app.receive("pigeon", *call(told, at)) == Received(3, 0, 0)
    assert {state for _, state, _ in log(world)} == {"delivered"}


def test_over_http_pigeon_reads_that_its_call_was_taken(world: World, api: PigeonApi) -> None:
    world.tick(1.1, deliver=True)
    world.clock.move_to(day(1.2))
    at = int(day(1.2))
    told = [{"type": "status", "id": api.id_of(key), "status": "delivered", "at": at} for key in api.texts]
    headers, body = call(told, at)
    with door(world) as web:
        late = call(told, at - 600_000)
        forged = web.client.post("/receipts/pigeon", content=late[1], headers=late[0])
        unreadable = call([{}], at)
        broken = web.client.post("/receipts/pigeon", content=unreadable[1], headers=unreadable[0])
        done = web.client.post("/receipts/pigeon", content=body, headers=headers)
    assert [forged.status_code, broken.status_code, done.status_code] == [403, 400, 200]
    assert (done.json(), done.headers["content-type"]) == ({"taken": True}, "application/json")
    assert {state for _, state, _ in log(world)} == {"delivered"}


def test_a_text_that_pigeon_would_cut_off_is_told_before_it_is_sent(world: World) -> None:
    world.write("templates/thanks/text.sms.j2", "{% block body %}" + "Thank you! " * 100 + "{% endblock %}")
    said = world.command("check")
    assert "and Pigeon takes 1,000" in said.output, said.output


def test_an_installed_package_adds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "pigeon-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(
        "[habitue.kinds]\npigeon = tests.cost_of_change.pigeon.kind:KINDS\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert PIGEON in installed_kinds().adapters
