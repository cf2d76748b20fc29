"""What people do in these tests, by the world's clock: the commands go by the clock on the wall."""

from collections.abc import Callable
from functools import partial

from engine.control.cancelling import CancelCounts, cancel
from engine.control.interventions import Hand, PastIntervention, past_interventions
from engine.control.pauses import PauseMade, pause, resume
from engine.control.undo import Undone, undo
from engine.store.paused import StandingPause, Subject, SubjectScope, standing_pauses
from tests.world import World

ANN = Hand("ann", "wrong coupon")
BOB = Hand("bob", "it was right after all")
EVERYTHING = Subject(SubjectScope.EVERYTHING)


def playbook(name: str = "winback") -> Subject:
    return Subject(SubjectScope.PLAYBOOK, name)


def channel(name: str = "email") -> Subject:
    return Subject(SubjectScope.CHANNEL, name)


def pauses(world: World, subject: Subject, hand: Hand = ANN) -> PauseMade:
    now = world.clock.now()
    return world.app.database.in_transaction(partial(pause, subject=subject, hand=hand, now=now))


def resumes(world: World, subject: Subject, hand: Hand = BOB) -> StandingPause:
    now = world.clock.now()
    return world.app.database.in_transaction(partial(resume, subject=subject, hand=hand, now=now))


def paused(world: World) -> list[str]:
    with world.app.database.read() as connection:
        return [str(one.subject) for one in standing_pauses(connection)]


def cancels(
    world: World,
    subject: Subject,
    wait: Callable[[], object] = lambda: None,
    watch: Callable[[int], object] = lambda _: None,
) -> CancelCounts:
    return cancel(world.app.database, subject, ANN, world.clock.now(), wait=wait, watch=watch)


def undoes(world: World, number: int | None, watch: Callable[[int], object] = lambda _: None) -> Undone:
    assert number is not None
    return undo(world.app.database, number, BOB, world.clock.now(), watch)


def record(world: World) -> list[PastIntervention]:
    """What people did, the newest first."""
    with world.app.database.read() as connection:
        return past_interventions(connection, 100)
