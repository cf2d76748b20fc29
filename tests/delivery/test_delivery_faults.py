"""Crashes, stale fences, poison and stops: nothing lost, nothing twice, every unknown visible."""

import asyncio
from collections import Counter
from email import message_from_bytes, policy

import pytest
from sqlalchemy import Connection

from adapters.base import Answer, Message, Outcome
from engine.actions.claims import Claims
from engine.actions.moves import Move, Mover
from engine.actions.states import State
from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.clock import HOUR, MINUTE
from engine.errors import StoreError
from engine.messages.templates import TemplateLibrary
from engine.store.dialects.sqlite import SQLITE
from tests.deliveries import NOON, Deliveries, action_of
from tests.plans import plans, sorts
from tests.provider import Provider

LEASE = 5 * MINUTE


@pytest.mark.parametrize("policy_word", ["hold", "resend"])
def test_after_a_crash_between_hand_off_and_answer_the_unknowns_are_few_and_visible(
    world: Deliveries, policy_word: str
) -> None:
    world.users(100)
    world.due_actions(100)
    crashed = Provider(hang=lambda _: True)
    world.abandon(crashed, in_flight=12, unknown=policy_word)
    handed = {key for (key,) in world.rows("SELECT enrolment_id FROM action WHERE state = 'handed_off'")}
    assert 4 <= len(handed) <= 12
    assert {action_of(message) for message in crashed.sent} <= handed
    world.lose_in_flight()  # with its file, those that had not begun would go back to the queue
    after = Provider()
    world.drain(after, in_flight=12, unknown=policy_word)
    assert not after.sent or handed.isdisjoint(action_of(message) for message in after.sent)
    world.at(NOON + LEASE)
    world.drain(after, in_flight=12, unknown=policy_word)
    unknowns = {key for (key,) in world.rows("SELECT DISTINCT action_id FROM action_event WHERE state = 'unknown'")}
    assert unknowns == handed
    if policy_word == "hold":
        assert world.states() == {"accepted:accepted": 100 - len(handed), "unknown:no_answer": len(handed)}
        assert handed.isdisjoint(action_of(message) for message in after.sent)
        return
    world.at(NOON + HOUR)
    world.drain(after, in_flight=12, unknown=policy_word)
    assert world.states() == {"accepted:accepted": 100}
    identifiers = Counter(
        str(message_from_bytes(message.payload.mime, policy=policy.default)["Message-ID"])
        for message in crashed.sent + after.sent
    )
    assert len(identifiers) == 100, "a resend has the Message-ID of the first"
    assert identifiers.total() - 100 == len(crashed.sent)


def test_claims_of_a_crashed_worker_go_back_to_the_queue(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(3)
    claims = Claims(world.database.dialect, LEASE)
    with world.database.write() as connection:
        assert len(claims.take(connection, "email", NOON, 10)) == 3
    provider = Provider()
    world.drain(provider)
    assert provider.sent == []
    world.at(NOON + LEASE)
    world.drain(provider)
    assert world.states() == {"accepted:accepted": 3}
    assert world.history(1) == ["queued", "claimed", "queued", "claimed", "handed_off", "accepted"]
    assert world.rows("SELECT DISTINCT fence FROM action") == [(2,)]


def test_an_answer_under_a_stale_fence_writes_nothing(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    claims, mover = Claims(world.database.dialect, LEASE), Mover(world.database.dialect)
    with world.database.write() as connection:
        late = claims.take(connection, "email", NOON, 1)[0]
    world.at(NOON + LEASE)
    world.drain(Provider())
    before = world.rows("SELECT * FROM action ORDER BY id"), world.rows("SELECT * FROM action_event ORDER BY id")
    move = Move(late.action_id, late.fence, State.HANDED_OFF, "gates_passed", tries=1, lease_until=NOON + HOUR)
    with world.database.write() as connection:
        assert mover.write(connection, [move], NOON) == frozenset()
    assert before == (
        world.rows("SELECT * FROM action ORDER BY id"),
        world.rows("SELECT * FROM action_event ORDER BY id"),
    )


def test_a_worker_whose_claim_was_taken_over_sends_nothing_of_it(world: Deliveries) -> None:
    world.users(6)
    world.due_actions(6)

    class Slow(Provider):
        async def send(self, message: Message) -> Answer:
            answer = await super().send(message)
            if len(self.sent) == 1:  # another worker takes over what was claimed and not yet handed off
                world.execute(
                    "UPDATE action SET fence = fence + 1, lease_until = :t WHERE state = 'claimed'", t=NOON + 1
                )
            return answer

    slow = Slow(concurrency=1)
    world.drain(slow, in_flight=1)
    taken = 6 - len(slow.sent)
    assert taken >= 3
    assert world.states() == {"accepted:accepted": len(slow.sent), "claimed:claimed": taken}
    world.at(NOON + 1)
    world.drain(slow, in_flight=1)
    assert Counter(slow.recipients) == {f"u{number}@example.com": 1 for number in range(1, 7)}


def test_poison_among_a_thousand_is_quarantined_and_the_others_are_served(world: Deliveries) -> None:
    world.users(1000, timezone="Europe/Berlin")
    world.due_actions(1000)
    world.execute("UPDATE users SET email = :email WHERE id = 100", email="u100@example.com\nBcc: x@example.org")
    world.execute("UPDATE action SET template = 'winback/strict' WHERE id IN (200, 201)")
    world.execute("UPDATE user_state SET fact_first_name = 'Ada' WHERE user_id = 201")
    world.execute("UPDATE action SET template = 'winback/gone' WHERE id = 300")
    world.execute("DELETE FROM users WHERE id = 400")
    world.execute("UPDATE action SET send_window = 'whenever' WHERE id = 500")
    expected = {
        100: "suppressed:address_invalid",
        200: "deferred:render_failed",
        300: "deferred:template_missing",
        400: "failed:user_missing",
        500: "deferred:row_unreadable",
    }
    if world.database.dialect is SQLITE:  # PostgreSQL takes no text that is none
        world.execute("UPDATE users SET locale = CAST(x'ff80' AS TEXT) WHERE id = 600")
        expected[600] = "deferred:row_unreadable"
    provider = Provider()
    world.drain(provider)
    bad = world.rows("SELECT id, state, reason FROM action WHERE state <> 'accepted'")
    assert {number: f"{state}:{reason}" for number, state, reason in bad} == expected
    assert Counter(provider.recipients) == {
        f"u{number}@example.com": 1 for number in range(1, 1001) if number not in expected
    }
    kept = {number: reason.split(":")[1] for number, reason in expected.items() if reason.startswith("deferred")}
    assert dict(world.rows("SELECT row_id, reason FROM quarantine WHERE kind = 'action'")) == kept
    [(detail,)] = world.rows("SELECT detail FROM action_event WHERE action_id = 200 AND state = 'deferred'")
    assert detail.startswith("winback/strict.email.j2:1: ")
    details = " ".join(detail for (detail,) in world.rows("SELECT detail FROM action_event"))
    assert "@" not in details


def test_an_event_that_cannot_be_read_spoils_its_own_message_alone(world: Deliveries) -> None:
    world.users(9)
    world.due_actions(9)
    for number in (4, 5):
        world.enrol(number, event_id=number)
    event = "INSERT INTO event (id, key, user_id, name, at, received_at, properties) VALUES "
    world.execute(event + "(4, 'e4', 4, 'order_completed', 0, 0, :p)", p='{"category": "beauty"}')
    world.execute(event + "(5, 'e5', 5, 'order_completed', 0, 0, NULL)")
    broken = set()
    if world.database.dialect is SQLITE:  # PostgreSQL takes no JSON that is none
        world.enrol(6, event_id=6)
        world.execute(event + "(6, 'e6', 6, 'order_completed', 0, 0, :p)", p='{"category": ')
        broken = {6}
    provider = Provider()
    world.drain(provider)
    assert {key for (key,) in world.rows("SELECT id FROM action WHERE reason = 'row_unreadable'")} == broken
    assert len(provider.sent) == 9 - len(broken) - 1
    assert b"beauty" in next(message for message in provider.sent if action_of(message) == 4).payload.mime
    assert world.rows("SELECT state, reason FROM action WHERE id = 5") == [("deferred", "render_failed")]


def test_the_most_urgent_leave_first(world: Deliveries) -> None:
    world.users(6)
    world.due_actions(1, first=1, priority=10)
    world.due_actions(1, first=2, priority=90, at=NOON - 1)
    world.due_actions(1, first=3, priority=90, at=NOON - 2)
    world.due_actions(1, first=4, priority=0, message_class="service")
    world.due_actions(1, first=5, priority=5, message_class="transactional")
    world.due_actions(1, first=6, priority=99, at=NOON + 1)
    provider = Provider(concurrency=1)
    world.drain(provider, batch=2)
    assert [action_of(message) for message in provider.sent] == [5, 4, 3, 2, 1]


def test_claiming_reads_only_what_it_takes(world: Deliveries) -> None:
    """However many actions wait, each query searches the index, and nothing is sorted."""
    world.users(60)
    world.due_actions(60)
    claims = Claims(world.database.dialect, LEASE)
    found = plans(world.database, lambda connection: claims.take(connection, "email", NOON, 9), of="FROM action ")
    assert len(found) == 2, "for the first level, and for its actions"
    for plan in found:
        assert "action_next" in plan
        assert not sorts(world.database, plan), plan


def test_a_stop_finishes_what_is_in_flight_and_gives_the_rest_back(world: Deliveries) -> None:
    world.users(300)
    world.due_actions(300)
    stop = asyncio.Event()

    def script(_: Message) -> Answer:
        if len(provider.sent) == 40:
            stop.set()
        return Answer(Outcome.ACCEPTED)

    provider = Provider(script=script)
    asyncio.run(asyncio.wait_for(world.delivery(provider).run(stop), 60))
    states = dict(world.rows("SELECT state, count(*) FROM action GROUP BY state"))
    assert set(states) == {"accepted", "queued"}
    assert states["accepted"] == len(provider.sent)
    assert 40 <= len(provider.sent) <= 40 + 100
    assert world.rows("SELECT count(*) FROM action WHERE lease_until IS NOT NULL") == [(0,)]
    rest = Provider()
    world.drain(rest)
    assert len(rest.sent) + len(provider.sent) == 300


def test_two_workers_send_each_message_once(world: Deliveries) -> None:
    world.users(400)
    world.due_actions(400)
    provider = Provider()

    async def both() -> None:
        await asyncio.gather(world.delivery(provider, batch=20).drain(), world.delivery(provider, batch=20).drain())

    asyncio.run(both())
    assert Counter(provider.recipients) == {f"u{number}@example.com": 1 for number in range(1, 401)}
    assert world.states() == {"accepted:accepted": 400}
    assert world.rows("SELECT count(*) FROM action_event") == [(1600,)]


def test_never_more_than_in_flight_are_without_an_answer(world: Deliveries) -> None:
    world.users(60)
    world.due_actions(60)
    most = 0

    def script(_: Message) -> Answer:
        nonlocal most
        [(handed,)] = world.rows("SELECT count(*) FROM action WHERE state = 'handed_off'")
        most = max(most, handed)
        return Answer(Outcome.ACCEPTED)

    world.drain(Provider(script=script, concurrency=10), in_flight=7)
    assert 1 <= most <= 7


def test_one_transaction_that_fails_costs_no_answer_of_another(world: Deliveries) -> None:
    world.users(200)
    world.due_actions(200)
    provider, recorded, lost = Provider(concurrency=1), [0], [0]

    def failing(connection: Connection) -> None:
        accepted = connection.exec_driver_sql("SELECT count(*) FROM action WHERE state = 'accepted'").scalar_one()
        if accepted >= 60 and not lost[0]:
            lost[0] = accepted - recorded[-1]
            raise RuntimeError("a bug")
        recorded.append(accepted)

    world.scripted().committing = failing
    with pytest.raises(RuntimeError, match="a bug"):
        world.drain(provider, in_flight=40)
    accepted = world.states()["accepted:accepted"]
    assert lost[0]
    assert len(provider.sent) - accepted - lost[0] in (0, 1), "but for one that was on its way"


def test_answers_survive_a_store_that_is_away_for_a_while(world: Deliveries) -> None:
    world.users(5)
    world.due_actions(5)
    provider, failures = Provider(), iter([True, True])

    def away(connection: Connection) -> None:
        answered = connection.exec_driver_sql("SELECT count(*) FROM action WHERE state = 'accepted'").scalar_one()
        if answered and next(failures, False):
            raise StoreError("the database cannot be reached")

    world.scripted().committing = away
    world.drain(provider)
    assert next(failures, None) is None
    assert world.states() == {"accepted:accepted": 5}
    assert len(provider.sent) == 5


def test_a_database_that_cannot_be_written_sends_nothing(world: Deliveries) -> None:
    world.users(5)
    world.due_actions(5)
    provider = Provider()

    def refuse(_: Connection) -> None:
        raise OSError("disk full")

    world.scripted().writing = refuse
    with pytest.raises(OSError, match="disk full"):
        world.drain(provider)
    assert provider.sent == []


def test_a_channel_whose_provider_hangs_holds_up_no_other(world: Deliveries) -> None:
    world.users(40, phone="+4915112345678")
    world.due_actions(40)
    world.execute("UPDATE action SET channel = 'sms' WHERE id > 20")
    world.execute("UPDATE action SET due_at = :later WHERE id > 30", later=NOON + 1)
    email = Provider(hang=lambda _: True)
    done = asyncio.Event()

    def script(_: Message) -> Answer:
        if len(sms.sent) == 10:
            world.at(NOON + 1)
        if len(sms.sent) == 20:
            done.set()
        return Answer(Outcome.ACCEPTED)

    sms = Provider(channel="sms", name="texts", script=script)

    async def run() -> None:
        worker = asyncio.create_task(world.delivery(email, sms).run(asyncio.Event()))
        await asyncio.wait_for(done.wait(), 60)
        worker.cancel()
        await asyncio.wait([worker])

    asyncio.run(run())
    assert len(email.sent) == email.concurrency
    assert len(sms.sent) == 20


def test_new_content_is_used_from_the_next_claim_on(world: Deliveries) -> None:
    world.users(60)
    world.due_actions(60)
    newer = TemplateLibrary(
        {"winback/offer.email.j2": "{% block subject %}New{% endblock %}{% block html %}<p>New</p>{% endblock %}"},
        blocks_of(CHANNELS),
    )

    def script(_: Message) -> Answer:
        if len(provider.sent) == 1:
            delivery.replace_content(newer, world.catalog)
        return Answer(Outcome.ACCEPTED)

    provider = Provider(script=script)
    delivery = world.delivery(provider, batch=10, in_flight=3)
    asyncio.run(delivery.drain())
    new = [b"Subject: New" in message.payload.mime for message in provider.sent]
    assert len(new) == 60
    assert new == sorted(new)
    assert new.count(False) <= 30
