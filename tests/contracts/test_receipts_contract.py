"""What providers tell afterwards, in any order and more than once."""

from dataclasses import replace
from itertools import permutations

import pytest

from adapters.base import Answer, Message, Outcome
from engine.actions.history import LogFilter
from engine.actions.receipts import ReceiptEntry, Receipts, Received
from engine.actions.states import RECEIPT_STATES, State
from engine.clock import HOUR, Instant
from tests.deliveries import NOON, Deliveries, action_of
from tests.provider import Provider

LATER = Instant(NOON + HOUR)


def accepting(message: Message) -> Answer:
    return Answer(Outcome.ACCEPTED, "", "250 queued", f"ref-{action_of(message)}")


def reference(number: int) -> str:
    return f"ref-{number}"


def told(state: State, number: int = 1, reason: str = "reported", provider_text: str = "") -> ReceiptEntry:
    return ReceiptEntry("scripted", state, reference(number), reason=reason, provider_text=provider_text)


def receive(shop: Deliveries, *receipts: ReceiptEntry) -> Received:
    with shop.database.write() as connection:
        return Receipts(shop.database.dialect).receive(connection, receipts, LATER)


@pytest.fixture
def sent(shop: Deliveries) -> Deliveries:
    """Three messages that a provider has taken, and one that was refused before it left."""
    shop.users(4)
    shop.due_actions(4)
    shop.execute("UPDATE users SET email = NULL WHERE id = 4")
    shop.drain(Provider(script=accepting))
    return shop


def test_a_receipt_is_a_change_like_others_and_needs_no_lease(sent: Deliveries) -> None:
    done = receive(
        sent, told(State.DELIVERED, provider_text="250 delivered to mailbox"), told(State.BOUNCED, 2, reason="full")
    )
    assert done == Received(new=2)
    assert sent.rows("SELECT id, state, reason, changed_at FROM action WHERE id < 4 ORDER BY id") == [
        (1, "delivered", "reported", LATER),
        (2, "bounced", "full", LATER),
        (3, "accepted", "accepted", NOON),
    ]
    last = sent.changes(LogFilter(user=1))[-1]
    assert (last.state, last.reason, last.detail) == ("delivered", "reported", "250 delivered to mailbox")


@pytest.mark.parametrize(
    ("happened_at", "shown"),
    [
        (NOON + HOUR // 2, "it happened 2026-09-22T12:30:00Z: 250 delivered"),
        (NOON + HOUR - 1_000, "250 delivered"),
        (NOON + 2 * HOUR, "250 delivered"),
        (NOON - 1, "250 delivered"),
        (0, "250 delivered"),
    ],
    ids=["earlier", "just now", "in the future", "before the hand-off", "never"],
)
def test_the_log_shows_when_it_happened_if_that_is_plausible_and_earlier(
    sent: Deliveries, happened_at: int, shown: str
) -> None:
    receipt = replace(told(State.DELIVERED, provider_text="250 delivered"), happened_at=Instant(happened_at))
    assert receive(sent, receipt) == Received(new=1)
    last = sent.changes(LogFilter(user=1))[-1]
    assert (last.at, last.state, last.detail) == (LATER, "delivered", shown)
    assert receive(sent, replace(receipt, happened_at=Instant(NOON))) == Received(known=1)


def test_again_changes_nothing(sent: Deliveries) -> None:
    receipt = told(State.OPENED)
    assert receive(sent, receipt, receipt) == Received(new=1, known=1)
    before = sent.rows("SELECT * FROM action ORDER BY id"), sent.rows("SELECT * FROM action_event ORDER BY id")
    assert receive(sent, receipt) == Received(known=1)
    assert before == (
        sent.rows("SELECT * FROM action ORDER BY id"),
        sent.rows("SELECT * FROM action_event ORDER BY id"),
    )


@pytest.mark.parametrize("order", list(permutations((State.DELIVERED, State.OPENED, State.CLICKED))))
def test_in_any_order_the_strongest_state_stays_and_all_are_logged(sent: Deliveries, order: tuple[State, ...]) -> None:
    for state in order:
        assert receive(sent, told(state)) == Received(new=1)
    assert sent.rows("SELECT state FROM action WHERE id = 1") == [("clicked",)]
    assert sent.history(1)[4:] == [state.value for state in order]


@pytest.mark.parametrize(
    ("earlier", "later"), [(a, b) for n, a in enumerate(RECEIPT_STATES) for b in RECEIPT_STATES[n + 1 :]]
)
def test_a_weightier_state_is_never_overwritten(sent: Deliveries, earlier: State, later: State) -> None:
    receive(sent, told(later, 1), told(earlier, 1))
    receive(sent, told(earlier, 2))
    receive(sent, told(later, 2))
    receive(sent, told(later, 3))
    receive(sent, told(earlier, 3))
    assert sent.rows("SELECT DISTINCT state FROM action WHERE id < 4") == [(later.value,)]


def test_what_names_no_message_that_left_is_unmatched(sent: Deliveries) -> None:
    strange = ReceiptEntry("scripted", State.DELIVERED, "ref-of-nobody")
    other = ReceiptEntry("another", State.DELIVERED, reference(1))
    refused = ReceiptEntry("scripted", State.DELIVERED, action_id=4)
    none = ReceiptEntry("scripted", State.DELIVERED, action_id=99)
    assert receive(sent, strange, other, refused, none, told(State.DELIVERED)) == Received(new=1, unmatched=4)
    assert sent.rows("SELECT state FROM action WHERE id = 4") == [("suppressed",)]
    assert receive(sent) == Received()


def test_by_action_it_also_brings_the_reference(shop: Deliveries) -> None:
    """The worker died before the answer: nobody knew, until the provider told."""
    shop.users(1)
    shop.due_actions(1)
    shop.drain(Provider(script=lambda _: Answer(Outcome.UNKNOWN, "no_answer")))
    assert shop.states() == {"unknown:no_answer": 1}
    receive(shop, ReceiptEntry("scripted", State.DELIVERED, "ref-9", action_id=1))
    assert shop.rows("SELECT state, adapter, reference FROM action") == [("delivered", "scripted", "ref-9")]
    assert receive(shop, ReceiptEntry("scripted", State.OPENED, "ref-9")) == Received(new=1)


def test_what_was_sent_after_all_is_not_sent_again(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)
    shop.drain(Provider(script=lambda _: Answer(Outcome.UNKNOWN, "no_answer")), unknown="resend")
    assert shop.states() == {"retrying:resent_after_unknown": 1}
    receive(shop, ReceiptEntry("scripted", State.DELIVERED, action_id=1))
    provider = Provider()
    shop.at(NOON + 6 * HOUR)
    shop.drain(provider, unknown="resend")
    assert provider.sent == []
    assert shop.states() == {"delivered:reported": 1}


def test_a_receipt_before_the_workers_own_answer_stays(shop: Deliveries) -> None:
    shop.users(1)
    shop.due_actions(1)

    def script(message: Message) -> Answer:
        receive(shop, ReceiptEntry("scripted", State.DELIVERED, "ref-1", action_id=1))
        return accepting(message)

    shop.drain(Provider(script=script))
    assert shop.rows("SELECT state, reference, lease_until FROM action") == [("delivered", "ref-1", None)]
    assert shop.history(1) == ["queued", "claimed", "handed_off", "delivered"]


def test_of_several_with_one_reference_the_newest_is_meant(sent: Deliveries) -> None:
    sent.execute("UPDATE action SET reference = 'again' WHERE id IN (1, 3)")
    receive(sent, ReceiptEntry("scripted", State.OPENED, "again"))
    assert sent.rows("SELECT id FROM action WHERE state = 'opened'") == [(3,)]


def test_receipts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="a receipt can report delivered, bounced, opened, clicked, complained"):
        ReceiptEntry("scripted", State.ACCEPTED, "ref")
    with pytest.raises(ValueError, match="needs a reference, a key or an action id"):
        ReceiptEntry("scripted", State.OPENED)
