"""A gate from outside the program, lived end to end: asked, counted among workers, explained, shown in the log."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.base import Answer, Outcome
from engine.breaker import LONGEST_PAUSE
from engine.clock import DAY
from engine.delivery.gates import GATES
from engine.kinds import SHIPPED
from tests.cost_of_change import gate
from tests.deliveries import NOON, Deliveries
from tests.provider import ACCEPT, Provider
from tests.world import World, day

MOST = 2
WORKERS = 4


@pytest.fixture
def brand(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "brand", database_url, kinds=SHIPPED + gate.KINDS).open()
    with world.app.database.write() as connection:
        gate.make_tables(connection)
    yield world
    world.close()


def test_a_brand_with_the_gate(brand: World) -> None:
    assert brand.findings() == []
    brand.codes(*(f"CODE{number}" for number in range(9)))
    for key in ("ann", "bob"):
        brand.user(key)
    user = brand.user("cy")
    with brand.app.database.write() as connection:
        connection.execute(text("INSERT INTO care VALUES (:user)"), {"user": user})
    for number in range(3):
        brand.order("ann", number, category="beauty")
    brand.order("bob", 0, category="beauty")
    brand.order("cy", 0, category="beauty")
    for number in range(4):
        brand.tick(number, deliver=True)
    assert brand.states() == {"accepted:accepted": 3, "suppressed:capped": 1, "held:in_care": 1}
    assert [str(mail["To"]) for mail in brand.mail()] == ["ann@example.com", "ann@example.com", "bob@example.com"]
    last = brand.explain("ann", 4).actions[-1]
    assert (last.reason, last.sentence) == ("capped", gate.CapReason.CAPPED.sentence)
    held = brand.explain("cy", 4).actions[-1]
    assert (held.state, held.sentence) == ("held", gate.CapReason.IN_CARE.sentence)
    logged = [json.loads(line) for line in brand.command("log", "--json").stdout.splitlines()]
    assert {one["user"]: one["sentence"] for one in logged if one["reason"] in {"capped", "in_care"}} == {
        "ann": gate.CapReason.CAPPED.sentence,
        "cy": gate.CapReason.IN_CARE.sentence,
    }
    assert gate.CapReason.IN_CARE.sentence.split(":", maxsplit=1)[0] in brand.command("explain", "cy").stdout
    assert "in_care" in brand.command("status").stdout
    assert brand.clock.now() == day(3)


@pytest.fixture
def deliveries(database_url: str, tmp_path: Path) -> Iterator[Deliveries]:
    world = Deliveries.create(tmp_path / "maison", database_url)
    with world.database.write() as connection:
        gate.make_tables(connection)
    yield world
    world.close()


def capped(world: Deliveries, *providers: Provider, **settings: Any) -> None:
    world.drain(*providers, gates=(*GATES, gate.cap(MOST)), **settings)


def messages(world: Deliveries, users: int, each: int, **columns: Any) -> None:
    """Queue ``each`` messages for each user, those of one user far apart."""
    world.users(users, phone="+4915112345678")
    world.due_actions(users, each=each, **columns)


def test_two_messages_in_one_batch_are_counted_one_after_the_other(deliveries: Deliveries) -> None:
    messages(deliveries, 5, 4)
    provider = Provider()
    capped(deliveries, provider)
    assert deliveries.states() == {"accepted:accepted": 10, "suppressed:capped": 10}
    assert {provider.recipients.count(f"u{number}@example.com") for number in range(1, 6)} == {MOST}


def test_four_workers_together_hand_off_no_more_than_the_gate_allows(deliveries: Deliveries) -> None:
    users, each = 40, 6
    messages(deliveries, users, each)
    providers = [Provider(name=f"worker-{number}") for number in range(WORKERS)]
    start, broken = threading.Barrier(WORKERS), []

    def work(provider: Provider) -> None:
        world = deliveries.reopened()
        try:
            start.wait(30)
            capped(world, provider, batch=10, in_flight=6)
        except Exception as error:  # noqa: BLE001 - told of below, in the test's own thread
            broken.append(error)
        finally:
            world.close()

    threads = [threading.Thread(target=work, args=[provider]) for provider in providers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert broken == []
    sent = [recipient for provider in providers for recipient in provider.recipients]
    assert {sent.count(f"u{number}@example.com") for number in range(1, users + 1)} == {MOST}
    assert deliveries.states() == {"accepted:accepted": users * MOST, "suppressed:capped": users * (each - MOST)}
    assert deliveries.rows("SELECT count(*) FROM cap_place") == [(users * MOST,)]
    handed = deliveries.rows("SELECT count(DISTINCT action_id) FROM action_event WHERE state = 'handed_off'")
    assert handed == [(users * MOST,)]


def test_a_message_that_comes_back_keeps_its_place(deliveries: Deliveries) -> None:
    messages(deliveries, 1, MOST)
    provider = Provider(script=lambda _: Answer(Outcome.ADAPTER_DOWN, "connection_failed"))
    delivery = deliveries.delivery(provider, gates=(*GATES, gate.cap(MOST)))
    for _ in range(3):
        asyncio.run(delivery.drain())
        deliveries.at(deliveries.clock.now() + LONGEST_PAUSE)
    provider.script = None
    asyncio.run(delivery.drain())
    assert deliveries.states() == {"accepted:accepted": MOST}


def places(world: Deliveries) -> tuple[int, int]:
    """Return the sum of the counters and the number of places."""
    [(counted,)] = world.rows("SELECT coalesce(sum(number), 0) FROM cap_count")
    [(kept,)] = world.rows("SELECT count(*) FROM cap_place")
    return int(counted), int(kept)


def test_a_message_that_the_provider_rejects_releases_its_place(deliveries: Deliveries) -> None:
    """One at a time: the rejected message makes room for the last one."""
    messages(deliveries, 1, MOST + 2)
    answers = iter([Answer(Outcome.REJECTED, "mailbox_unknown")])
    provider = Provider(script=lambda _: next(answers, ACCEPT))
    capped(deliveries, provider, batch=1, in_flight=1)
    assert deliveries.states() == {"failed:mailbox_unknown": 1, "accepted:accepted": MOST, "suppressed:capped": 1}
    assert places(deliveries) == (MOST, MOST)


def test_a_message_that_is_given_up_releases_its_place(deliveries: Deliveries) -> None:
    messages(deliveries, 3, 1)
    provider = Provider(script=lambda _: Answer(Outcome.RETRY, "mailbox_full"))
    capped(deliveries, provider, tries=2)
    assert deliveries.states() == {"retrying:mailbox_full": 3}
    assert places(deliveries) == (3, 3), "it is retried in its own place"
    deliveries.at(NOON + DAY)
    capped(deliveries, provider, tries=2)
    assert deliveries.states() == {"failed:tries_exhausted": 3}
    assert places(deliveries) == (0, 0)


def test_a_message_that_expires_or_is_refused_when_it_comes_back_releases_its_place(deliveries: Deliveries) -> None:
    messages(deliveries, 2, 1)
    provider = Provider(script=lambda _: Answer(Outcome.ADAPTER_DOWN, "connection_failed"))
    capped(deliveries, provider)
    assert places(deliveries)[0] == places(deliveries)[1] > 0
    deliveries.at(NOON + 8 * DAY)
    capped(deliveries, provider)
    assert deliveries.states() == {"expired:expired": 2}
    assert places(deliveries) == (0, 0)


def test_what_may_have_been_sent_keeps_its_place(deliveries: Deliveries) -> None:
    messages(deliveries, 2, 1)
    answers = {"u1@example.com": "no_answer"}
    unknown = Provider(
        script=lambda one: Answer(Outcome.UNKNOWN, answers[one.recipient]) if one.recipient in answers else ACCEPT
    )
    capped(deliveries, unknown, unknown="resend")
    rejecting = Provider(script=lambda _: Answer(Outcome.REJECTED, "mailbox_unknown"))
    deliveries.at(NOON + DAY)
    capped(deliveries, rejecting, unknown="resend")
    assert deliveries.states() == {"failed:mailbox_unknown": 1, "accepted:accepted": 1}
    assert places(deliveries) == (2, 2)


def test_a_bug_in_releasing_keeps_the_place_and_loses_no_answer(
    deliveries: Deliveries, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(connection: Connection, actions: Sequence[int]) -> None:
        connection.execute(text("DELETE FROM cap_place"))
        raise KeyError(actions[0])

    messages(deliveries, 4, 1)
    provider = Provider(
        script=lambda one: Answer(Outcome.REJECTED, "unknown") if one.recipient.startswith("u1@") else ACCEPT
    )
    deliveries.drain(provider, gates=(*GATES, replace(gate.cap(MOST), release=broken)))
    assert deliveries.states() == {"failed:unknown": 1, "accepted:accepted": 3}
    assert places(deliveries) == (4, 4)
    said = capfd.readouterr()
    assert re.search(r"code_at_fault .*KeyError at test_gate.py:\d+", said.out + said.err)


def test_a_hold_stops_the_step_and_tries_no_other_channel(deliveries: Deliveries) -> None:
    messages(deliveries, 2, 1, next_channels="sms")
    deliveries.execute("INSERT INTO care VALUES (1)")
    email, sms = Provider(), Provider(channel="sms", name="texts")
    capped(deliveries, email, sms)
    assert deliveries.states() == {"held:in_care": 1, "accepted:accepted": 1}
    assert sms.sent == []


def test_a_refusal_while_reserving_makes_way_for_the_next_channel(deliveries: Deliveries) -> None:
    messages(deliveries, 1, MOST + 1, next_channels="sms")
    email, sms = Provider(), Provider(channel="sms", name="texts")
    capped(deliveries, email, sms)
    assert len(email.sent) == MOST
    assert deliveries.rows("SELECT channel, state, reason FROM action WHERE attempt = 2") == [
        ("sms", "suppressed", "capped")
    ]
