"""STOP and its kin, as a provider brings them: refused at once, for everybody with the number, until START."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from adapters.base import Callback, IncomingText, NotAuthentic, Receipt, ReceiptKind
from adapters.capture import CaptureAdapter, CaptureOptions
from adapters.kinds import AdapterKind
from engine.actions.receipts import Received
from engine.clock import DAY, MINUTE
from engine.errors import HabitueError
from engine.kinds import SHIPPED, Kinds
from engine.worker.upkeep import clean_up
from tests.world import World, day


def read(_options: BaseModel, name: str, callback: Callback) -> Sequence[Receipt | IncomingText]:
    """Read a call of this provider: receipts and texts, mixed, as JSON. It has no signature but a password."""
    if callback.headers.get("x-password") != "sesame":
        raise NotAuthentic("wrong password")
    found: list[Receipt | IncomingText] = []
    for one in json.loads(callback.body):
        if "text" in one:
            found.append(IncomingText(name, one["from"], one["text"], one["at"], one.get("id", "")))
        else:
            found.append(Receipt(name, one["id"], ReceiptKind.DELIVERED, one["at"]))
    return found


def texter(name: str, channel: str | None = "sms") -> AdapterKind:
    return AdapterKind(name, CaptureOptions, CaptureAdapter, channel=channel, receipts=read)


KINDS = SHIPPED + Kinds(adapters=(texter("texter"), texter("other"), texter("anywhere", None)))
ANN, BO, NOBODY = "+4930901820", "+4930901821", "+4930901899"

NEWS = """
[playbook]
name = "news"
class = "{kind}"
reentry = "always"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
id = "hello"
send = ["sms"]
template = "news/hello"
"""


def files(kind: str) -> dict[str, str | None]:
    return {
        "playbooks/news.toml": NEWS.format(kind=kind),
        "playbooks/welcome.toml": None,
        "templates/welcome/hello.email.j2": None,
        "templates/welcome/gift.email.j2": None,
        "templates/news/hello.sms.j2": "{% block body %}There is news. Reply STOP to end{% endblock %}",
    }


class Texting(World):
    """A brand that texts, through a provider that tells what people reply."""

    number = 0

    def reply(self, text: str, at: float, sender: str = ANN, adapter: str = "texter", **more: Any) -> Received:
        self.number += 1
        self.clock.move_to(max(self.clock.now(), day(at)))
        return self.replies(
            {"from": sender, "text": text, "at": day(at), "id": f"m{self.number}", **more}, adapter=adapter
        )

    def replies(self, *told: dict[str, Any], adapter: str = "texter", word: str = "sesame") -> Received:
        return self.app.receive(adapter, {"X-Password": word}, json.dumps(told).encode())

    def said(self, key: str = "ann") -> dict[str, tuple[bool, str, float]]:
        rows = self.rows(
            "SELECT c.class, c.granted, c.source, c.at FROM consent AS c JOIN users AS u ON u.id = c.user_id"
            " WHERE u.key = :key AND c.channel = 'sms'",
            key=key,
        )
        return {kind: (bool(granted), source, round((at - day(0)) / DAY, 6)) for kind, granted, source, at in rows}

    def texted(self, key: str, at: float) -> str:
        """Trigger a message to the user, and return what became of it."""
        self.event(key, "signed_up", at)
        self.tick(at + 0.01, deliver=True)
        return str(self.actions("reason")[-1][0])


@pytest.fixture(params=["marketing", "service"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def brand(folder: Path, url: str, kind: str = "marketing", **settings: dict[str, Any]) -> Texting:
    configured: dict[str, Any] = {"texter": {}, "other": {}, "anywhere": {}}
    sections = {"channels": {"sms": {"adapters": ["capture"]}}, "adapters": configured, **settings}
    return Texting(folder / "maison", url, files(kind), sections, KINDS)


@pytest.fixture
def texting(tmp_path: Path, database_url: str) -> Iterator[Texting]:
    world = brand(tmp_path, database_url)
    world.open()
    world.user("ann", 0, phone=ANN)
    world.user("bo", 0, phone=BO)
    world.tick(0.1)
    yield world
    world.close()


# --- stop ------------------------------------------------------------------------------------------------------------


def test_stop_refuses_what_is_queued_and_what_comes(tmp_path: Path, database_url: str, kind: str) -> None:
    world = brand(tmp_path, database_url, kind)
    world.open()
    world.user("ann", 0, phone=ANN)
    world.user("bo", 0, phone=BO)
    for key in ("ann", "bo"):
        world.event(key, "signed_up", 0.5)
    world.tick(0.6)
    assert world.reply("Stop.", 0.55) == Received(texts=1)
    world.deliver()
    assert sorted(world.actions("state, reason")) == [("accepted", "accepted"), ("suppressed", "opted_out")]
    assert world.said() == {
        "marketing": (False, "reply:texter", 0.55),
        "service": (False, "reply:texter", 0.55),
    }
    assert world.said("bo") == {}
    assert world.texted("ann", 1) == "opted_out"
    assert world.texted("bo", 2) == "accepted"
    shown = json.loads(world.command("explain", "ann", "--json").output)
    assert {(one["message_class"], one["granted"], one["changes"][-1]["source"]) for one in shown["consents"]} == {
        ("marketing", False, "reply:texter"),
        ("service", False, "reply:texter"),
    }
    world.close()


def test_the_classes_are_a_setting_and_transactional_goes_on(tmp_path: Path, database_url: str) -> None:
    world = brand(tmp_path, database_url, "transactional", sms={"stop_refuses": ["marketing"]})
    world.open()
    world.user("ann", 0, phone=ANN)
    world.tick(0.1)
    world.reply("STOP", 0.5)
    assert world.said().keys() == {"marketing"}
    assert world.texted("ann", 1) == "accepted"
    world.close()


def test_everybody_with_the_number_is_meant_and_who_comes_later(texting: Texting) -> None:
    texting.user("ann-2", 0, phone="+49 30 901820".replace(" ", ""))
    texting.reply("退订", 0.5)
    assert texting.said("ann").keys() == texting.said("ann-2").keys() == {"marketing", "service"}
    texting.user("ann-3", 1, phone=ANN)
    assert texting.texted("ann-3", 1.5) == "address_opted_out"
    assert texting.said("ann-3") == {}


@pytest.mark.parametrize("sender", ["030 901820", "0049 30 901820", "4930901820", " +49 30 901820 "])
def test_the_provider_may_write_numbers_as_it_likes(tmp_path: Path, database_url: str, sender: str) -> None:
    world = brand(tmp_path, database_url, brand={"country": "DE"})
    world.open()
    world.user("ann", 0, phone=ANN)
    world.reply("STOP", 0.5, sender)
    assert world.said().keys() == {"marketing", "service"}
    world.close()


def test_a_number_that_nobody_has_is_refused_for_who_comes_with_it(texting: Texting) -> None:
    texting.reply("STOP", 0.5, NOBODY)
    texting.user("cy", 1, phone=NOBODY, consents={"sms": True}, consent_at=day(0.9), source="import:list.csv")
    assert texting.texted("cy", 1.5) == "address_opted_out"
    # A user's own word after it counts; START from the number does, too.
    texting.user("cy", 2, phone=NOBODY, consents={"sms": True}, consent_at=day(2), source="form")
    assert texting.texted("cy", 2.5) == "accepted"
    texting.user("di", 3, phone=NOBODY)
    assert texting.texted("di", 3.5) == "address_opted_out"
    texting.reply("START", 4, NOBODY)
    assert texting.texted("di", 4.5) == "accepted"


def test_whoever_has_the_number_now_is_heard_over_whoever_had_it(texting: Texting) -> None:
    texting.reply("STOP", 0.5)
    texting.user("ann", 1, phone="+4930901821")  # she takes her refusal along, and the number is given to somebody else
    texting.user("di", 2, phone=ANN)
    assert texting.texted("di", 2.5) == "address_opted_out"
    texting.reply("START", 3)
    assert texting.texted("di", 3.5) == "accepted"
    assert texting.texted("ann", 4) == "opted_out"


def test_a_file_does_not_bring_back_who_refused(texting: Texting) -> None:
    texting.user("ann", 0, phone=ANN, consents={"sms": False}, source="import:one.csv")
    texting.reply("STOP", 0.5)
    assert texting.said()["marketing"][1] == "reply:texter", "the person said it, not only a file"
    texting.user("ann", 1, phone=ANN, consents={"sms": True}, source="import:two.csv")
    assert texting.texted("ann", 1.5) == "opted_out"


def test_a_date_in_the_future_does_not_outlive_a_stop(texting: Texting) -> None:
    texting.user("ann", 0, phone=ANN, consents={"sms": True}, consent_at=day(4_000), source="import:one.csv")
    texting.clock.move_to(day(0.6))
    texting.reply("STOP", 0.5)
    assert texting.said()["marketing"] == (False, "reply:texter", 0.5)
    texting.user("bo", 0, phone=BO, consents={"sms": True}, consent_at=day(0.5), source="import:one.csv")
    texting.reply("STOP", 0.4, BO)
    assert texting.said("bo")["marketing"][0] is True, "bo agreed after that"


# --- start -----------------------------------------------------------------------------------------------------------


def test_start_gives_back_what_stop_took_and_no_more(texting: Texting) -> None:
    texting.user("ann", 0, phone=ANN, consents={"sms": True}, consent_at=day(0), source="form")
    texting.reply("STOP", 0.5)
    assert texting.texted("ann", 1) == "opted_out"
    texting.reply("Start", 1.2)
    assert texting.said() == {"marketing": (True, "reply:texter", 1.2)}, "service was never granted"
    assert texting.texted("ann", 1.5) == "accepted"
    assert texting.rows("SELECT count(*) FROM address_refusal") == [(0,)]
    shown = json.loads(texting.command("explain", "ann", "--json").output)
    assert {one["message_class"]: [change["granted"] for change in one["changes"]] for one in shown["consents"]} == {
        "marketing": [True, False, True],
        "service": [False, None],
    }
    assert "no choice any more" in texting.command("explain", "ann").output


def test_start_grants_nothing_that_was_never_granted(tmp_path: Path, database_url: str) -> None:
    world = brand(tmp_path, database_url, consent={"marketing": "opt-in"})
    world.open()
    world.user("ann", 0, phone=ANN)
    world.tick(0.1)
    for text in ("START", "STOP", "START"):
        world.reply(text, 0.5)
        assert world.texted("ann", float(world.number)) == ("opted_out" if text == "STOP" else "no_consent")
    assert world.said() == {}
    world.close()


@pytest.mark.parametrize("source", ["import:list.csv", "form"])
def test_start_does_not_take_back_what_was_refused_elsewhere(texting: Texting, source: str) -> None:
    texting.user("ann", 0, phone=ANN, consents={"sms": False}, consent_at=day(0.2), source=source)
    texting.reply("STOP", 0.5)
    texting.reply("START", 0.6)
    assert texting.said() == {"marketing": (False, source, 0.2)}
    assert texting.texted("ann", 1) == "opted_out"


def test_an_old_start_does_not_take_a_newer_stop_back(texting: Texting) -> None:
    texting.clock.move_to(day(2))
    texting.reply("STOP", 1)
    texting.reply("START", 0.9)
    assert texting.said()["marketing"] == (False, "reply:texter", 1)


# --- once ------------------------------------------------------------------------------------------------------------


def test_what_comes_again_changes_nothing(texting: Texting) -> None:
    stop = {"from": ANN, "text": "STOP", "at": day(0.5), "id": "a"}
    start = {"from": ANN, "text": "START", "at": day(0.6), "id": "b"}
    assert texting.replies(stop, stop) == Received(texts=1)
    assert texting.replies(start) == Received(texts=1)
    texting.clock.move_to(day(3))
    late = {**stop, "at": day(2)}  # a provider without times: the call has its own
    assert texting.replies(late, start) == Received()
    assert texting.said() == {}
    assert texting.replies(late, adapter="other") == Received(texts=1), "another provider counts for itself"
    assert texting.said()["marketing"][1] == "reply:other"
    assert sorted(texting.rows("SELECT adapter, reference, meaning FROM reply")) == [
        ("other", "a", "stop"), ("texter", "a", "stop"), ("texter", "b", "start"),
    ]  # fmt: skip


def test_in_one_call_they_count_in_the_order_in_which_they_were_written(texting: Texting) -> None:
    texting.clock.move_to(day(1))
    start = {"from": ANN, "text": "START", "at": day(0.6), "id": "b"}
    stop = {"from": ANN, "text": "STOP", "at": day(0.5), "id": "a"}
    assert texting.replies(start, stop) == Received(texts=2)
    assert texting.said() == {}


def test_without_a_reference_it_counts_all_the_same(texting: Texting) -> None:
    assert texting.replies({"from": ANN, "text": "STOP", "at": 0}) == Received(texts=1)
    assert texting.said()["marketing"][2] == 0.1, "the provider gives no time: it is now"
    assert texting.rows("SELECT * FROM reply") == []


def test_odd_references_are_stored_and_recognised(texting: Texting) -> None:
    for odd in ("\0x", "\ud800", "x" * 20_000, "'; DROP TABLE reply; --"):
        for count in (1, 0):
            assert texting.replies({"from": ANN, "text": "STOP", "at": day(0.5), "id": odd}) == Received(texts=count)


def test_receipts_and_texts_come_together(texting: Texting) -> None:
    assert texting.texted("bo", 0.5) == "accepted"
    texting.execute("UPDATE action SET adapter = 'texter', reference = 'x'")
    done = texting.replies(
        {"id": "x", "at": day(0.5) + MINUTE}, {"from": BO, "text": "STOP", "at": day(0.5) + MINUTE, "id": "y"}
    )
    assert done == Received(new=1, texts=1)
    assert texting.actions("state") == [("delivered",)]
    assert texting.said("bo").keys() == {"marketing", "service"}


def test_workers_that_get_it_at_the_same_time_count_it_once(texting: Texting) -> None:
    stop = {"from": ANN, "text": "STOP", "at": day(0.1), "id": "a"}
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda _: texting.replies(stop), range(16)))
    assert sum(one.texts for one in done) == 1
    assert texting.rows("SELECT count(*) FROM profile_change WHERE what LIKE 'consent.sms.%'") == [(2,)]


def test_the_list_of_what_has_come_is_cleaned_up(texting: Texting) -> None:
    texting.reply("STOP", 0.5)
    texting.reply("STOP", 100, BO)
    for at, left in ((399, 2), (450, 1)):
        with texting.app.database.write() as connection:
            clean_up(connection, texting.app, texting.content(), day(at))
        assert texting.rows("SELECT count(*) FROM reply") == [(left,)]
    assert texting.said().keys() == {"marketing", "service"}, "the refusal stays"


# --- the rest --------------------------------------------------------------------------------------------------------


def test_other_texts_are_counted_and_not_kept(texting: Texting, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "My card is 4111 1111 1111 1111"
    assert texting.reply(secret, 0.5) == Received(texts=1)
    assert texting.reply("STOP", 0.6, "KURZWAHL") == Received(texts=1)
    assert texting.said() == {}
    assert texting.rows("SELECT meaning FROM reply ORDER BY reference") == [("other",), ("stop",)]
    told = capfd.readouterr()
    for output in (told.out, told.err):
        assert "4111" not in output
        assert ANN not in output
    everything = [
        str(row)
        for table in ("reply", "profile_change", "event", "action_event", "user_news")
        for row in texting.rows(f"SELECT * FROM {table}")
    ]
    assert not [row for row in everything if "4111" in row or ANN in row]


def test_what_is_not_authentic_does_nothing(texting: Texting) -> None:
    with pytest.raises(NotAuthentic):
        texting.replies({"from": ANN, "text": "STOP", "at": day(0.5), "id": "a"}, word="wrong")
    assert (texting.said(), texting.rows("SELECT * FROM reply")) == ({}, [])


def test_an_adapter_of_no_channel_cannot_bring_texts(texting: Texting) -> None:
    with pytest.raises(HabitueError, match="`anywhere` brings texts, but does not say of which channel"):
        texting.reply("STOP", 0.5, adapter="anywhere")


def test_users_are_found_by_an_index(texting: Texting) -> None:
    """A campaign brings thousands of replies, and each looks for one number among all users."""
    if texting.url.startswith("sqlite"):
        plan = texting.rows("EXPLAIN QUERY PLAN SELECT id FROM users WHERE phone = :phone", phone=ANN)
    else:
        with texting.app.database.write() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = [
                tuple(row) for row in connection.exec_driver_sql(f"EXPLAIN SELECT id FROM users WHERE phone = '{ANN}'")
            ]
    assert "users_phone" in str(plan)
