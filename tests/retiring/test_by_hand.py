"""People and a vanished playbook: what they release, cancel and undo, and a clock that they set back."""

from functools import partial

import pytest

from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.cancelling import cancel_actions
from engine.control.clock import set_back
from engine.control.releasing import RELEASE
from tests.control.hands import ANN, cancels, paused, playbook, undoes
from tests.retiring.campaign import (
    CAMPAIGN,
    HELD,
    PATH,
    WAITING,
    campaign,
    free_codes,
    inside,
    messages,
    stopped,
    subjects,
    vanished,
)
from tests.world import World, day


def test_a_person_can_release_or_cancel_what_is_held(shop: World) -> None:
    vanished(shop)
    first, second, third = (number for (number,) in shop.actions("id"))
    carry_out(shop.app.database, RELEASE, Chosen((first,)), ANN, now=day(1.1))
    cancel_actions(shop.app.database, [second], ANN, day(1.1))
    shop.deliver()
    shop.tick(1.2, deliver=True)
    states = {number: (state, reason) for number, state, reason in shop.actions("id, state, reason")}
    assert states[first] == ("accepted", "accepted")
    assert states[second] == ("cancelled", "cancelled_by_hand")
    assert states[third] == ("held", "playbook_retired")
    assert subjects(shop) == ["Offer"]


def test_a_person_can_cancel_all_of_it_at_once(shop: World) -> None:
    vanished(shop)
    done = cancels(shop, playbook("campaign"))
    assert (done.messages, done.enrolments) == (3, 3)
    shop.tick(1.2)
    assert paused(shop) == ["playbook campaign"]  # until the day is over: it may come back
    shop.tick(2.2)
    assert stopped(shop) == []
    assert free_codes(shop) == 3


@pytest.mark.parametrize("cancelled", [False, True], ids=["held", "cancelled"])
def test_a_clock_that_is_set_back_takes_the_retirement_back_with_it(shop: World, *, cancelled: bool) -> None:
    """The file vanished at a tick of a wrong year: a day counts from the real time again, and nothing leaves."""
    campaign(shop)
    shop.remove(PATH)
    shop.tick(400)
    if cancelled:
        shop.tick(402)
    assert messages(shop) == [("offer", "cancelled" if cancelled else "held", "playbook_retired", 3)]
    done = shop.app.database.in_transaction(partial(set_back, content=shop.content(), hand=ANN, now=day(1.5)))
    assert done is not None
    shop.clock.move_to(day(1.5))
    shop.deliver()
    shop.tick(1.6, deliver=True)
    assert messages(shop) == HELD
    assert inside(shop) == WAITING
    assert shop.mail() == []
    shop.tick(2.4)
    assert messages(shop) == HELD
    shop.tick(2.7)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 3)]


def test_undoing_a_cancellation_by_hand_brings_back_what_is_held(shop: World) -> None:
    vanished(shop)
    done = cancels(shop, playbook("campaign"))
    undoes(shop, done.intervention)
    shop.tick(1.2, deliver=True)
    assert messages(shop) == HELD
    assert inside(shop) == WAITING
    shop.write(PATH, CAMPAIGN)
    shop.live(since=1.3, until=1.4)
    assert subjects(shop) == ["Offer"] * 3


def test_what_may_have_been_sent_stays_unknown_and_keeps_its_code(shop: World) -> None:
    campaign(shop)
    shop.mark_actions("unknown", "no_answer", where="id = 1")
    shop.remove(PATH)
    shop.tick(1.1)
    shop.tick(2.2)
    assert messages(shop) == [("offer", "cancelled", "playbook_retired", 2), ("offer", "unknown", "no_answer", 1)]
    assert free_codes(shop) == 2
