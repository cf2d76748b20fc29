"""Holding, cancelling and going on again are done in chunks: a worker may end at any of them, and others work beside it."""

import copy
from collections.abc import Callable

import pytest

from engine.clock import FixedClock
from engine.content.bundle import Bundle
from engine.loading import Content
from tests.retiring.campaign import CAMPAIGN, PATH, campaign, free_codes, inside, messages, said, stopped, subjects
from tests.world import World, day

PEOPLE = 5


class Killed(Exception):
    """The worker ends here."""


def killed_tick(world: World, at: float, after: int) -> bool:
    """Run the tick of day ``at``, and end it after so many chunks, as SIGTERM does; return whether it ended so."""
    left = after

    def watch(_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    world.clock.move_to(day(at))
    try:
        world.app.tick(world.content(), day(at), watch)
    except Killed:
        return True
    return False


@pytest.fixture
def small(shop: World) -> World:
    """The same with one row in each transaction."""
    shop.configure(schedule={"enrolment_chunk": 1})
    campaign(shop, PEOPLE)
    return shop


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_worker_that_ends_while_it_holds_loses_nothing(small: World, after: int) -> None:
    small.remove(PATH)
    assert killed_tick(small, 1.1, after)
    small.close()
    small.deliver()
    assert small.mail() == [], "what is not held yet is stopped all the same"
    small.tick(1.2, deliver=True)
    assert messages(small) == [("offer", "held", "playbook_retired", PEOPLE)]
    assert small.rows("SELECT count(*) FROM action_event WHERE state = 'held'") == [(PEOPLE,)]


@pytest.mark.parametrize("after", [0, 2, 5, 8])
def test_a_worker_that_ends_while_it_cancels_loses_nothing(small: World, after: int) -> None:
    small.write(PATH, said(CAMPAIGN, state="retired"))
    assert killed_tick(small, 1.1, after)
    small.close()
    small.deliver()
    assert small.mail() == []
    small.tick(1.2, deliver=True)
    assert messages(small) == [("offer", "cancelled", "playbook_retired", PEOPLE)]
    assert inside(small) == [("campaign", "cancelled", 2, "playbook_retired", PEOPLE)]
    assert small.rows("SELECT count(*) FROM action_event WHERE state = 'cancelled'") == [(PEOPLE,)]
    assert free_codes(small) == PEOPLE
    assert stopped(small) == []


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_worker_that_ends_while_it_lets_go_on_loses_nothing(small: World, after: int) -> None:
    small.remove(PATH)
    small.tick(1.1)
    small.write(PATH, CAMPAIGN)
    assert killed_tick(small, 1.2, after)
    small.close()
    small.tick(1.3, deliver=True)
    assert subjects(small) == ["Offer"] * PEOPLE
    assert stopped(small) == []


def beside(world: World, at: float) -> Callable[[object], None]:
    """Return what runs a whole tick of another worker at the first chunk of this one's."""
    other = copy.copy(world)
    del other.__dict__["app"]
    other.clock = FixedClock(day(at))
    ran = False

    def watch(_: object) -> None:
        nonlocal ran
        if not ran:
            ran = True
            other.app.tick(other.content(), day(at))
            other.close()

    return watch


@pytest.mark.parametrize("retired", [False, True], ids=["vanished", "retired"])
def test_two_workers_do_it_once(small: World, retired: bool) -> None:
    if retired:
        small.write(PATH, said(CAMPAIGN, state="retired"))
    else:
        small.remove(PATH)
    small.clock.move_to(day(1.1))
    small.app.tick(small.content(), day(1.1), beside(small, 1.1))
    state = "cancelled" if retired else "held"
    assert messages(small) == [("offer", state, "playbook_retired", PEOPLE)]
    assert small.rows("SELECT count(*) FROM action_event WHERE reason = 'playbook_retired'") == [(PEOPLE,)]
    assert small.deliver().total == 0


def test_a_person_who_applies_the_files_means_it_though_a_tick_was_quicker(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick of another worker holds what has vanished while this process still compares both versions."""
    small.remove(PATH)
    content, load, tick = small.content(), small.app.load, beside(small, 1.1)

    def slowly(bundle: Bundle) -> Content:
        tick(None)
        return load(bundle)

    monkeypatch.setattr(small.app, "load", slowly)
    assert small.app.apply(content, day(1.1), columns=True) is None
    assert messages(small) == [("offer", "held", "playbook_retired", PEOPLE)]
    small.tick(1.2)
    assert messages(small) == [("offer", "cancelled", "playbook_retired", PEOPLE)]


def test_what_is_held_anew_while_a_worker_lets_go_on_is_not_left_behind(small: World) -> None:
    """The file vanishes and returns once more between two chunks of one tick."""
    small.remove(PATH)
    small.tick(1.1)
    small.write(PATH, CAMPAIGN)
    content, other = small.content(), copy.copy(small)
    del other.__dict__["app"]
    other.clock = FixedClock(day(1.2))
    chunks = 0

    def watch(_: object) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            other.remove(PATH)
            other.tick(1.2)
            other.write(PATH, CAMPAIGN)
            other.app.apply(other.content(), day(1.2))
            other.close()

    small.clock.move_to(day(1.2))
    small.app.tick(content, day(1.2), watch)
    small.tick(1.3, deliver=True)
    assert subjects(small) == ["Offer"] * PEOPLE
    assert stopped(small) == []
