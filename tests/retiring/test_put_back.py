"""Messages that an undo, or a clock that is set back, puts back into earlier states: none leaves, and none is stuck."""

from functools import partial

from engine.control.actions_by_hand import Chosen, carry_out
from engine.control.cancelling import cancel_actions
from engine.control.clock import set_back
from engine.control.releasing import RELEASE
from tests.control.hands import ANN, cancels, playbook, undoes
from tests.maison import email
from tests.retiring.campaign import CAMPAIGN, HELD, PATH, WAITING, campaign, inside, messages, said, stopped, subjects
from tests.world import World, day

PLAIN = CAMPAIGN.replace('coupon = "GIFT"\n', "")
SHORT = CAMPAIGN[: CAMPAIGN.index('[[step]]\nwait = "1d"')]
"""Its enrolments are finished while its messages still wait."""
CANCELLED = [("offer", "cancelled", "playbook_retired", 3)]


def begun(shop: World, file: str) -> None:
    """Let the campaign of ``file`` queue its offers."""
    shop.write("templates/campaign/offer.email.j2", email("Offer", "10 %"))
    shop.write(PATH, file)
    shop.tick(0.5)
    campaign(shop)


def test_undoing_an_earlier_cancellation_sends_nothing_of_what_has_vanished_since(shop: World) -> None:
    campaign(shop)
    done = cancels(shop, playbook("campaign"))
    shop.remove(PATH)
    shop.tick(1.1)
    undoes(shop, done.intervention)
    shop.deliver()
    shop.tick(1.2, deliver=True)
    assert messages(shop) == HELD
    assert inside(shop) == WAITING
    assert shop.mail() == []
    shop.write(PATH, CAMPAIGN)
    shop.tick(1.3)
    shop.tick(1.4, deliver=True)
    assert subjects(shop) == ["Offer"] * 3


def test_undoing_the_cancellation_of_single_messages_does_not_either(shop: World) -> None:
    begun(shop, PLAIN)
    done = cancel_actions(shop.app.database, [1, 2], ANN, day(1.05))
    shop.remove(PATH)
    shop.tick(1.1)
    undoes(shop, done.intervention)
    shop.deliver()
    assert shop.mail() == [], "also before the next tick"
    shop.tick(1.2, deliver=True)
    assert messages(shop) == HELD


def test_what_is_put_back_after_the_file_has_returned_goes_on(shop: World) -> None:
    begun(shop, PLAIN)
    shop.remove(PATH)
    shop.tick(1.1)
    done = cancel_actions(shop.app.database, [1, 2], ANN, day(1.15))
    shop.write(PATH, PLAIN)
    shop.tick(1.2)
    undoes(shop, done.intervention)
    shop.tick(1.3, deliver=True)
    assert subjects(shop) == ["Offer"] * 3
    assert stopped(shop) == []


def test_so_does_what_was_released_and_is_put_back(shop: World) -> None:
    begun(shop, PLAIN)
    shop.remove(PATH)
    shop.tick(1.1)
    released = carry_out(shop.app.database, RELEASE, Chosen((1,)), ANN, now=day(1.15))
    shop.write(PATH, PLAIN)
    shop.tick(1.2)
    undoes(shop, released.intervention)
    assert ("offer", "held", "playbook_retired", 1) in messages(shop)
    shop.tick(1.3, deliver=True)
    assert subjects(shop) == ["Offer"] * 3
    assert stopped(shop) == []


def ahead(shop: World) -> None:
    """Set back the clock to day 1.5, and deliver before the next tick."""
    done = shop.app.database.in_transaction(partial(set_back, content=shop.content(), hand=ANN, now=day(1.5)))
    assert done is not None
    shop.clock.move_to(day(1.5))
    shop.deliver()
    assert shop.mail() == []


def test_a_clock_that_is_set_back_does_not_leave_the_messages_of_the_finished_held(shop: World) -> None:
    begun(shop, SHORT)
    shop.remove(PATH)
    shop.tick(1.1)
    shop.tick(400)
    assert messages(shop) == CANCELLED
    ahead(shop)
    shop.tick(1.6)
    assert messages(shop) == HELD
    shop.write(PATH, SHORT)
    shop.tick(1.7)
    shop.tick(1.8, deliver=True)
    assert subjects(shop) == ["Offer"] * 3


def test_nor_does_it_send_the_messages_of_a_playbook_that_its_file_retires(shop: World) -> None:
    begun(shop, SHORT)
    shop.write(PATH, said(SHORT, state="retired"))
    shop.tick(400)
    assert messages(shop) == CANCELLED
    ahead(shop)
    shop.tick(1.6, deliver=True)
    assert messages(shop) == CANCELLED
    assert stopped(shop) == []


def test_nor_does_it_forget_that_the_file_has_returned(shop: World) -> None:
    begun(shop, SHORT)
    shop.remove(PATH)
    shop.tick(1.1)
    shop.write(PATH, SHORT)
    shop.tick(400)
    ahead(shop)
    shop.tick(1.6, deliver=True)
    assert subjects(shop) == ["Offer"] * 3


def test_a_change_of_on_retire_counts_for_messages_of_the_finished_too(shop: World) -> None:
    begun(shop, SHORT)
    shop.write(PATH, said(SHORT, state="retired", on_retire="finish"))
    shop.tick(1.1)
    shop.write(PATH, said(SHORT, state="retired", on_retire="cancel"))
    shop.tick(1.2, deliver=True)
    assert messages(shop) == CANCELLED
