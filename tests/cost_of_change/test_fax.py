"""A channel costs a file and an adapter: a brand uses fax, and nothing in the engine was changed for it."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.base import CallbackError, NotAuthentic, Outcome
from engine.actions.receipts import Received
from engine.errors import HabitueError, NoReceipts
from engine.kinds import SHIPPED
from tests.adapters.emails import SECRET
from tests.contracts.adapter_contract import AdapterContract, Bench
from tests.contracts.channel_contract import ChannelContract
from tests.cost_of_change.fax import FAX, FAX_ADAPTER, FAX_KINDS, FaxAdapter, FaxOptions, FaxPayload, sign
from tests.world import World, day

FACTS = """
[events.order_completed]
amount = "money"

[facts.first_name]
attribute = "first_name"
type = "text"

[facts.fax]
attribute = "fax_number"
type = "text"
"""
THANKS = """
[playbook]
name = "thanks"
class = "marketing"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
send = ["fax", "email"]
template = "thanks/page"
"""
PAGE = (
    "{% block page %}Dear {{ facts.first_name }},\n\nthank you for {{ event.amount | money }}.\n"
    "No more: {{ unsubscribe_url }}{% endblock %}"
)
EMAIL = (
    "{% block subject %}Thank you{% endblock %}"
    "{% block html %}<p><a href='{{ unsubscribe_url }}'>No more</a></p>{% endblock %}"
)
FILES: dict[str, str | None] = {
    "rules/facts.toml": FACTS,
    "playbooks/thanks.toml": THANKS,
    "templates/thanks/page.fax.j2": PAGE,
    "templates/thanks/page.email.j2": EMAIL,
}


class Office(World):
    """A brand with these files only, and the fax provider's tray."""

    @property
    def tray(self) -> Path:
        return self.folder / "tray"

    def pages(self) -> list[dict[str, Any]]:
        return sorted((json.loads(file.read_text("utf-8")) for file in self.tray.glob("*.json")), key=str)

    def log(self, *words: str) -> list[dict[str, Any]]:
        done = self.command("log", "--json", *words)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.output.splitlines()]


def office(folder: Path, url: str, **changed: str) -> Office:
    from tests.maison import FILES as MAISON

    made = Office(folder / "office", url, {**dict.fromkeys(MAISON), **FILES, **changed}, kinds=SHIPPED + FAX_KINDS)
    made.tray.mkdir()
    made.configure(
        channels={"fax": {"adapters": ["office"], "in_flight": 3}},
        adapters={"office": {"folder": str(made.tray), "secret": SECRET}},
    )
    return made


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[Office]:
    made = office(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def lived(world: Office) -> Office:
    """Ann and Bo have a fax, Cy has one that nothing can be sent to, Di none; all order, all are thanked."""
    world.open()
    numbers = {"ann": "+49 30 901820", "bo": "+4930901821", "cy": "upstairs", "di": None}
    for key, number in numbers.items():
        world.user(key, 0, first_name=key.title(), fax_number=number)
        world.order(key, 1, 1_200)
    world.tick(1.1, deliver=True)
    return world


def test_its_files_are_checked(world: Office) -> None:
    assert world.findings() == []
    world.write("templates/thanks/page.fax.j2", "{% block paeg %}Dear {{ facts.first_nam }}{% endblock %}")
    assert [str(one) for one in world.findings()] == [
        (
            "templates/thanks/page.fax.j2: error: `thanks` is marketing, and this message does not show `unsubscribe_url`: "
            "use a layout that does, or link to it"
        ),
        "templates/thanks/page.fax.j2: error: the block `page` is missing",
        "templates/thanks/page.fax.j2:1: error: nothing prints the block `paeg`; did you mean `page`?",
        "templates/thanks/page.fax.j2:1: error: unknown fact `first_nam`; did you mean `first_name`?",
    ]


def test_a_template_that_it_needs_is_missed(world: Office) -> None:
    world.remove("templates/thanks/page.fax.j2")
    [found] = world.findings()
    assert str(found).startswith("playbooks/thanks.toml:12: error: `thanks/page` has no fax message")


def test_without_the_kinds_nothing_knows_it(tmp_path: Path, database_url: str) -> None:
    alone = office(tmp_path, database_url)
    alone.kinds = SHIPPED
    found = [str(one) for one in alone.findings()]
    assert "templates/thanks/page.fax.j2: error: unknown channel `fax`" in "\n".join(found)
    assert any(one.startswith("playbooks/thanks.toml:12: error: ") and "fax" in one for one in found)
    with pytest.raises(HabitueError, match=r"channels\.fax: unknown channel; known: email, sms, push"):
        alone.app.adapters()
    alone.close()


def test_pages_leave_and_the_gates_ask_what_they_ask_of_any_channel(lived: Office) -> None:
    pages = lived.pages()
    assert [page["to"] for page in pages] == ["+4930901820", "+4930901821"]
    assert pages[0]["lines"][:3] == ["Dear Ann,", "", "thank you for $12.00."]
    assert pages[0]["lines"][3].startswith("No more: https://example.com/unsubscribe")
    assert sorted((one["user"], one["channel"], one["state"], one["reason"]) for one in lived.log()) == [
        ("ann", "fax", "accepted", "accepted"),
        ("bo", "fax", "accepted", "accepted"),
        ("cy", "email", "accepted", "accepted"),
        ("cy", "fax", "suppressed", "address_invalid"),
        ("di", "email", "accepted", "accepted"),
        ("di", "fax", "suppressed", "address_missing"),
    ]


def test_consent_and_suppression_hold_for_it(world: Office, tmp_path: Path) -> None:
    world.open()
    users = tmp_path / "users.csv"
    users.write_text("key,email,fax_number,consent_fax\nann,ann@example.com,+49 30 901820,no\n", encoding="utf-8")
    assert world.command("import", "users", str(users)).exit_code == 0
    world.user("bo", 0, fax_number="+49 30 901821")
    with world.app.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO suppression (channel, address, reason, at) VALUES ('fax', '+4930901821', 'complaint', 0)"
        )
    for key in ("ann", "bo"):
        world.order(key, 1, 1_200)
    world.tick(1.1, deliver=True)
    assert world.pages() == []
    assert sorted((one["user"], one["reason"]) for one in world.log("--channel", "fax")) == [
        ("ann", "opted_out"),
        ("bo", "address_suppressed"),
    ]


def test_the_log_and_explain_show_masked_numbers(lived: Office) -> None:
    assert {one["user"]: one["address"] for one in lived.log("--channel", "fax", "--state", "accepted")} == {
        "ann": "fax •••20",
        "bo": "fax •••21",
    }
    explained = lived.explain("ann", 1.2)
    assert explained.user.addresses == {"email": "a•••@example.com", "fax": "fax •••20"}
    assert next(one.shown for one in explained.facts if one.name == "fax") == "fax •••20"
    assert [(one.channel, one.state) for one in explained.actions] == [("fax", "accepted")]
    shown = lived.explain("ann", 1.2, show_addresses=True)
    assert shown.user.addresses["fax"] == "+49 30 901820"


def test_it_is_previewed_and_tried_out(lived: Office) -> None:
    done = lived.command("preview", "thanks/page", "--channel", "fax", "--user", "ann")
    assert done.exit_code == 0, done.output
    assert "Dear Ann,\n\nthank you for $12.00." in done.output
    sent = lived.command("send-test", "thanks/page", "--channel", "fax", "--to", "+49 30 111222", "--user", "ann")
    assert sent.exit_code == 0, sent.output
    assert "office accepted it for fax •••22" in sent.output
    [page] = [page for page in lived.pages() if page["to"] == "+4930111222"]
    assert page["lines"][0] == "[test] Dear Ann,"
    wrong = lived.command("send-test", "thanks/page", "--channel", "fax", "--to", "upstairs")
    assert str(wrong.exception) == "nothing can be sent to the address after --to: write one such as +12025550199"


def test_receipts_are_believed_when_they_are_signed(lived: Office) -> None:
    references = dict(lived.rows("SELECT user_id, reference FROM action WHERE channel = 'fax' AND state = 'accepted'"))
    ann, bo = (references[number] for number in sorted(references))
    told = [
        {"id": ann, "status": "sent", "at": int(day(1.2))},
        {"id": bo, "status": "busy", "at": int(day(1.2))},
        {"id": "fax-of-nobody", "status": "sent", "at": int(day(1.2))},
    ]
    body = json.dumps(told).encode()
    lived.clock.move_to(day(1.3))
    with pytest.raises(NotAuthentic, match="the signature does not match the body"):
        lived.app.receive("office", {"X-Fax-Signature": sign("another", body)}, body)
    with pytest.raises(CallbackError, match="not a list of pages"):
        lived.app.receive("office", {"X-Fax-Signature": sign(SECRET, b"[1]")}, b"[1]")
    assert lived.app.receive("office", {"X-Fax-Signature": sign(SECRET, body)}, body) == Received(2, 0, 1)
    assert lived.app.receive("office", {"X-Fax-Signature": sign(SECRET, body)}, body) == Received(0, 2, 1)
    logged = lived.log("--channel", "fax", "--history")
    assert [(one["user"], one["state"], one["reason"]) for one in logged if one["reason"].startswith("line_")] == [
        ("ann", "delivered", "line_sent"),
        ("bo", "bounced", "line_busy"),
    ]
    assert [one["sentence"] for one in logged][-2:] == [
        "The page was printed at the other end.",
        "The line was busy for a day.",
    ]
    [action] = lived.explain("ann", 1.4).actions
    assert (action.state, [one.state for one in action.history][-2:]) == ("delivered", ["accepted", "delivered"])


def test_an_adapter_without_receipts_says_so(lived: Office) -> None:
    with pytest.raises(NoReceipts, match="the adapter `capture` does not support receipts"):
        lived.app.receive("capture", {}, b"")
    with pytest.raises(NoReceipts, match=r"there is no adapter `post`; known: .*capture, "):
        lived.app.receive("post", {}, b"")


def test_an_adapter_that_is_not_configured_has_no_secret_to_verify_anything_with(lived: Office) -> None:
    lived.configure(channels={"fax": {"adapters": []}})
    del lived.settings["adapters"]["office"]
    lived.configure()
    with pytest.raises(NoReceipts, match=r"`office` is not configured: its options are in `\[adapters.office\]`"):
        lived.app.receive("office", {"X-Fax-Signature": sign("", b"[]")}, b"[]")


class TestFax(ChannelContract):
    channel = FAX


# --- the contract of adapters ------------------------------------------------------------------------------------


@dataclass
class Tray:
    adapter: FaxAdapter
    folder: Path

    def arrived(self) -> Sequence[object]:
        pages = (json.loads(file.read_text("utf-8")) for file in self.folder.glob("*.json"))
        return [FaxPayload(tuple(page["lines"])) for page in pages]


@asynccontextmanager
async def tray(folder: Path) -> AsyncIterator[Tray]:
    async with FaxAdapter(FaxOptions(folder=folder, secret=SecretStr(SECRET)), "office") as adapter:
        yield Tray(adapter, folder)


@asynccontextmanager
async def found_later(folder: Path) -> AsyncIterator[Bench]:
    """A tray that is missing when the first message comes."""
    async with tray(folder / "missing") as bench:
        send = bench.adapter.send

        async def first(message: Any) -> Any:
            answer = await send(message)
            (folder / "missing").mkdir(exist_ok=True)
            return answer

        bench.adapter.send = first  # type: ignore[method-assign]
        yield bench


class TestFaxAdapter(AdapterContract):
    channel = FAX
    kind = FAX_ADAPTER

    def payload(self, number: int = 0) -> FaxPayload:
        return FaxPayload((f"Page {number}", "", "the end"))

    def working(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return tray(folder)

    def unreachable(self, folder: Path) -> AbstractAsyncContextManager[Bench]:
        return tray(folder / "missing")

    def failing(self, folder: Path, outcome: Outcome) -> AbstractAsyncContextManager[Bench] | None:
        return found_later(folder) if outcome is Outcome.ADAPTER_DOWN else None

    def silent(self, folder: Path) -> None:
        return None
