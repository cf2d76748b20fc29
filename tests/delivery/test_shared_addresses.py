"""Several users with one address: a refusal of one counts for all, and one step reaches the address once."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.base import Answer, Outcome
from engine.clock import DAY, HOUR, Instant
from engine.delivery.gates.address_consent import AddressConsentReason
from engine.delivery.gates.duplicate import DuplicateReason
from engine.delivery.reached_addresses import KEEP, forget_places
from tests.deliveries import NOON, Deliveries
from tests.maison import PLAYBOOKS, email
from tests.provider import ACCEPT, Provider
from tests.world import World, day

NEWS = """
[playbook]
name = "news"
class = "marketing"
reentry = "always"
expires = "2d"

[trigger]
schedule = { cron = "0 9 * * *" }

[[step]]
id = "letter"
send = ["email", "sms"]
template = "news/letter"
"""
GO = """
[playbook]
name = "go"
class = "%s"
reentry = "always"
expires = "2d"

[trigger]
event = "signed_up"

[[step]]
id = "mail"
send = ["email"]
template = "news/letter"
"""
TEMPLATES = {
    "templates/news/letter.email.j2": email("News", "{{ user.key }}"),
    "templates/news/letter.sms.j2": "{% block body %}{{ user.key }}{% endblock %}",
}
NOTHING = {path: None for path in PLAYBOOKS if path != "playbooks/coupons.toml"}


def brand(folder: Path, url: str, **playbooks: str) -> World:
    files = {**NOTHING, **TEMPLATES, **{f"playbooks/{name}.toml": text for name, text in playbooks.items()}}
    return World(folder / "brand", url, files)


@pytest.fixture
def go(tmp_path: Path, database_url: str) -> Iterator[World]:
    world = brand(tmp_path, database_url, go=GO % "marketing").open()
    yield world
    world.close()


def reasons(world: World) -> dict[str, list[str]]:
    """Return user -> the reasons of their actions, in order."""
    found: dict[str, list[str]] = {}
    for key, reason in world.rows(
        "SELECT u.key, a.reason FROM action a JOIN users u ON u.id = a.user_id ORDER BY a.id"
    ):
        found.setdefault(key, []).append(reason)
    return found


def sign_up(world: World, *keys: str, at: float = 1) -> None:
    for key in keys:
        world.event(key, "signed_up", at)
    world.tick(at, deliver=True)


# --- refusals ----------------------------------------------------------------------------------------------------


def test_who_refused_gets_nothing_under_another_record_either(go: World) -> None:
    go.user("1", email="ann@example.com", consents={"email": False})
    go.user("guest-77", email="Ann@example.com")
    go.user(
        "guest-78", email="ANN@EXAMPLE.COM", consents={"email": True}, source="import:shop.csv", consent_at=day(0.5)
    )
    sign_up(go, "1", "guest-77", "guest-78")
    assert reasons(go) == {"1": ["opted_out"], "guest-77": ["address_opted_out"], "guest-78": ["address_opted_out"]}
    assert go.mail() == []
    sentence = AddressConsentReason.ADDRESS_OPTED_OUT.sentence
    assert [one.sentence for one in go.explain("guest-77", 1).actions] == [sentence]
    logged = {one["user"]: one for one in map(json.loads, go.command("log", "--json").stdout.splitlines())}
    assert logged["guest-78"]["sentence"] == sentence
    page = go.command("explain", "guest-77").stdout
    assert "ann@" not in page.lower()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ann@münchen.example.com", "Ann@xn--mnchen-3ya.example.com"),
        ("élan@example.com", "ÉLAN@example.com"),
        ("e\u0301lan@example.com", "\u00e9lan@EXAMPLE.com"),
    ],
)
def test_one_address_is_one_however_it_is_written(go: World, first: str, second: str) -> None:
    go.user("1", email=first, consents={"email": False})
    go.user("2", email=second)
    sign_up(go, "2")
    assert reasons(go) == {"2": ["address_opted_out"]}


def test_a_number_written_another_way_is_the_same_number(tmp_path: Path, database_url: str) -> None:
    world = brand(tmp_path, database_url, go=(GO % "marketing").replace('["email"]', '["sms"]')).open()
    world.configure(channels={"sms": {"adapters": ["capture"]}})
    world.user("1", phone="+49 (30) 901820", consents={"sms": False})
    world.user("2", phone="+4930901820")
    world.user("3", phone="+4930901821")
    sign_up(world, "2", "3")
    assert reasons(world) == {"2": ["address_opted_out"], "3": ["accepted"]}
    world.close()


def test_a_refusal_is_for_its_own_channel_and_class(tmp_path: Path, database_url: str) -> None:
    world = brand(
        tmp_path, database_url, go=GO % "marketing", care=GO.replace('"go"', '"care"') % "transactional"
    ).open()
    world.user("1", email="ann@example.com", phone="+4930901820", consents={"email": False})
    world.user("2", email="ann@example.com")
    world.user("3", email="bob@example.com", phone="+4930901820")
    sign_up(world, "2", "3")
    assert {key: sorted(found) for key, found in reasons(world).items()} == {
        "2": ["accepted", "address_opted_out"],
        "3": ["accepted", "accepted"],
    }
    world.close()


@pytest.mark.parametrize("how", ["address first", "refusal first", "from events"])
def test_a_refusal_and_an_address_may_come_in_any_order(go: World, how: str) -> None:
    if how == "address first":
        go.user("1", email="ann@example.com")
        go.user("1", consents={"email": False}, email=None)
    elif how == "refusal first":
        go.user("1", email="", consents={"email": False})
        go.user("1", email="ann@example.com")
    else:
        go.event("1", "order_completed", 0)
        go.user("1", email="ann@example.com", consents={"email": False})
    go.user("2", email="ann@example.com")
    sign_up(go, "2")
    assert reasons(go) == {"2": ["address_opted_out"]}


def test_who_changes_address_refuses_for_both(go: World) -> None:
    go.user("1", email="ann@example.com", consents={"email": False})
    go.user("1", email="ann@example.org")
    go.user("2", email="ann@example.com")
    go.user("3", email="ann@example.org")
    sign_up(go, "2", "3")
    assert reasons(go) == {"2": ["address_opted_out"], "3": ["address_opted_out"]}


def test_who_agrees_again_lifts_their_own_refusal(go: World) -> None:
    go.user("1", email="ann@example.com", consents={"email": False}, consent_at=day(0))
    go.user("1", 0.1, email="ann@example.org")
    go.user("2", email="ann@example.com")
    go.user("1", 0.5, email=None, consents={"email": True}, consent_at=day(0.5))
    assert go.rows("SELECT * FROM address_refusal") == []
    sign_up(go, "2")
    assert reasons(go) == {"2": ["accepted"]}


def test_an_undated_yes_of_a_file_lifts_no_refusal_of_ones_own(go: World) -> None:
    go.user("1", email="ann@example.com", consents={"email": False}, consent_at=day(0), source="form")
    go.user("1", 0.5, email=None, consents={"email": True}, source="import:shop.csv")
    go.user("2", email="ann@example.com")
    sign_up(go, "2")
    assert reasons(go) == {"2": ["address_opted_out"]}


@pytest.mark.parametrize(
    ("source", "at", "reason"),
    [
        ("form", 0.75, "accepted"),  # their own later word
        ("form", 0.25, "address_opted_out"),  # older than the refusal
        ("import:shop.csv", 0.75, "address_opted_out"),  # a file's word is not theirs
    ],
)
def test_only_ones_own_later_word_goes_before_anothers_refusal(go: World, source: str, at: float, reason: str) -> None:
    go.user("1", email="ann@example.com", consents={"email": False}, consent_at=day(0.5))
    go.user("2", email="ann@example.com", consents={"email": True}, consent_at=day(at), source=source)
    go.user("3", email="ann@example.com")
    sign_up(go, "2")
    assert reasons(go) == {"2": [reason]}
    sign_up(go, "3", at=3)
    assert reasons(go)["3"] == ["address_opted_out"]


def test_the_next_channel_is_tried(tmp_path: Path, database_url: str) -> None:
    world = brand(tmp_path, database_url, go=(GO % "marketing").replace('["email"]', '["email", "sms"]')).open()
    world.configure(channels={"sms": {"adapters": ["capture"]}})
    world.user("1", email="ann@example.com", consents={"email": False})
    world.user("2", email="ann@example.com", phone="+4930901820")
    sign_up(world, "2")
    assert reasons(world) == {"2": ["address_opted_out", "accepted"]}
    world.close()


# --- one message of one step -------------------------------------------------------------------------------------


def test_a_campaign_reaches_an_address_once(tmp_path: Path, database_url: str) -> None:
    world = brand(tmp_path, database_url, news=NEWS)
    world.configure(channels={"sms": {"adapters": ["capture"]}})
    world.open()
    for key, zone in (("1", "Europe/Berlin"), ("2", "UTC"), ("3", "America/New_York")):
        world.user(
            key, email="ann@example.com" if key != "3" else "Ann@Example.com", timezone=zone, phone=f"+493090182{key}"
        )
    world.user("4", email="bob@example.com")
    for hours in range(1, 49):
        world.tick(hours / 24, deliver=True)
    assert {key: sorted(set(found)) for key, found in reasons(world).items()} == {
        "1": ["accepted"],
        "2": ["address_has_it"],
        "3": ["address_has_it"],
        "4": ["accepted"],
    }
    slots = len(set(world.rows("SELECT occurrence FROM enrolment")))
    assert [str(mail["To"]) for mail in world.mail()].count("ann@example.com") == slots >= 2, "each issue, once"
    assert world.explain("2", 2).actions[0].sentence == DuplicateReason.ADDRESS_HAS_IT.sentence
    world.close()


def test_two_records_of_one_address_get_one_marketing_mail_a_day(go: World) -> None:
    go.user("1", email="ann@example.com")
    go.user("2", email="ANN@example.com")
    sign_up(go, "1", "2", at=1.25)
    assert sorted(word for found in reasons(go).values() for word in found) == ["accepted", "address_has_it"]
    sign_up(go, "1", "2", at=2.25)
    assert len(go.mail()) == 2, "the next day is another occasion"


def test_one_user_gets_each_of_their_own(go: World) -> None:
    go.user("1", email="ann@example.com")
    sign_up(go, "1", at=1.25)
    sign_up(go, "1", at=1.5)
    assert reasons(go) == {"1": ["accepted", "accepted"]}


@pytest.mark.parametrize("message_class", ["service", "transactional"])
def test_what_is_about_ones_own_dealings_goes_to_each(tmp_path: Path, database_url: str, message_class: str) -> None:
    world = brand(tmp_path, database_url, go=GO % message_class).open()
    for key in ("1", "2"):
        world.user(key, email="family@example.com")
    sign_up(world, "1", "2")
    assert reasons(world) == {"1": ["accepted"], "2": ["accepted"]}
    world.close()


def test_birthdays_on_different_days_are_two(world: World) -> None:
    world.open()
    world.user("ann", email="family@example.com", birthday="1990-01-03", first_name="Ann", timezone="Asia/Tokyo")
    world.user("ben", email="family@example.com", birthday="1988-01-04", first_name="Ben", timezone="America/New_York")
    world.user("cem", email="family@example.com", birthday="1988-01-04", first_name="Cem", timezone="Pacific/Auckland")
    for hours in range(1, 24 * 5):
        world.tick(hours / 24, deliver=True)
    assert reasons(world) == {"ann": ["accepted"], "cem": ["accepted"], "ben": ["address_has_it"]}


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "brand", database_url)
    yield made
    made.close()


@pytest.fixture
def queue(tmp_path: Path, database_url: str) -> Iterator[Deliveries]:
    made = Deliveries.create(tmp_path / "maison", database_url)
    yield made
    made.close()


def shared(queue: Deliveries, count: int, pairs: int) -> None:
    """Create ``count`` users of whom each ``pairs`` share an address, with one message of the same slot each."""
    queue.users(count)
    queue.execute(f"UPDATE users SET email = 'a' || CAST(id % {count // pairs} AS TEXT) || '@example.com'")
    queue.due_actions(count)
    for number in range(1, count + 1):
        queue.enrol(number, occurrence="slot:2026-09-22T10:00")


def test_workers_together_send_one(queue: Deliveries) -> None:
    shared(queue, 120, 3)
    provider = Provider()

    async def work() -> None:
        await asyncio.gather(*(queue.delivery(provider, batch=10, in_flight=8).drain() for _ in range(3)))

    asyncio.run(work())
    assert sorted(provider.recipients) == sorted({f"a{number}@example.com" for number in range(40)})
    assert queue.states() == {"accepted:accepted": 40, "suppressed:address_has_it": 80}


def test_who_ends_unsent_leaves_the_place(queue: Deliveries) -> None:
    shared(queue, 2, 2)
    queue.execute("UPDATE action SET due_at = :later WHERE id = 2", later=NOON + HOUR)
    queue.drain(Provider(script=lambda _: Answer(Outcome.REJECTED, "mailbox_full")))
    queue.at(NOON + HOUR)
    queue.drain(provider := Provider())
    assert queue.states() == {"failed:mailbox_full": 1, "accepted:accepted": 1}
    assert len(provider.sent) == 1


def test_who_is_tried_again_keeps_the_place(queue: Deliveries) -> None:
    shared(queue, 2, 2)
    queue.execute("UPDATE action SET due_at = :later WHERE id = 2", later=NOON + DAY)
    answers = iter([Answer(Outcome.RETRY, "greylisted"), ACCEPT])
    provider = Provider(script=lambda _: next(answers))
    for hours in (0, 1, 24):
        queue.at(NOON + hours * HOUR)
        queue.drain(provider)
    assert dict(queue.rows("SELECT id, reason FROM action")) == {1: "accepted", 2: "address_has_it"}


def test_places_are_forgotten_with_their_slots(queue: Deliveries) -> None:
    shared(queue, 2, 1)
    queue.drain(Provider())
    with queue.database.write() as connection:
        forget_places(connection, Instant(NOON + KEEP))
    assert len(queue.rows("SELECT * FROM reached_address")) == 2
    with queue.database.write() as connection:
        forget_places(connection, Instant(NOON + KEEP + DAY))
    assert queue.rows("SELECT * FROM reached_address") == []


def test_a_place_shows_nobody_an_address(queue: Deliveries) -> None:
    shared(queue, 2, 1)
    queue.drain(Provider())
    assert not any("@" in str(cell) for row in queue.rows("SELECT * FROM reached_address") for cell in row)
