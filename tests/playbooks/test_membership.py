"""Why a user is or is not in a playbook."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import iso
from engine.playbooks.membership import Membership, Memberships
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.steps import STEPS
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.transitions import MoveReason
from engine.playbooks.triggers.when import WhenReason
from tests.playbooks.files import apply, playbook, sleeper
from tests.world import World, day, number

ENTER = 'enter = { lifecycle = "at_risk" }'
GERMAN = "[audience]\nwhen = \"language = 'de'\""


def why(world: World, key: str, at: float) -> Membership:
    memberships = Memberships(world.content().playbooks, world.app.database.dialect, "UTC")
    [(user,)] = world.rows("SELECT id FROM users WHERE key = :key", key=key)
    with world.app.database.read() as connection:
        (found,) = memberships.of(connection, user, day(at))
    return found


def test_a_member_is_told_since_when_and_what_comes_next(world: World) -> None:
    apply(world, playbook(steps='[[step]]\nwait = "3d"\n[[step]]\nid = "end"\nexit = "done"'))
    world.order("a", 1)
    world.tick(1)
    found = why(world, "a", 2)
    assert (found.inside, found.reason) == (True, PlaybookReason.ACTIVE)
    assert found.detail == f"since {iso(day(1))}; step `end` is next, due {iso(day(4))}"


def test_nothing_happened(world: World) -> None:
    apply(world, playbook(trigger=ENTER))
    world.user("a")
    assert why(world, "a", 1).reason is PlaybookReason.NOT_TRIGGERED


def test_the_playbook_was_never_applied(world: World) -> None:
    apply(world, playbook(trigger=ENTER))
    world.lose_versions()
    world.user("a")
    assert why(world, "a", 1).reason is PlaybookReason.NOT_ACTIVE_YET


def test_transitions_say_which_test_fails(world: World) -> None:
    apply(world, at=-70)
    world.order("a", 2 - 61)
    sleeper(world, "early", 0)
    world.tick(0)
    apply(world, playbook(trigger=ENTER, rest=GERMAN), at=1)
    assert why(world, "early", 1).reason is PlaybookReason.BEFORE_ACTIVATION
    assert why(world, "early", 30).reason is PlaybookReason.TRIGGER_TOO_OLD
    world.tick(2)
    found = why(world, "a", 3)
    assert (found.reason, found.detail) == (PlaybookReason.AUDIENCE_FALSE, "language = 'de'")
    world.write("playbooks/p0.toml", playbook(trigger=ENTER))
    assert why(world, "a", 3).reason is PlaybookReason.ENTERS_NEXT
    world.order("a", 3)
    world.tick(3)
    assert why(world, "a", 3).reason is MoveReason.MOVED_ON


def test_a_first_placement_is_said(world: World) -> None:
    """A user known long before is placed by the first evaluation, and did not move there now."""
    apply(world, playbook(trigger='enter = { lifecycle = "potential" }'))
    world.user("a", 1, created_at=day(-300))
    world.tick(1)
    assert why(world, "a", 1).reason is MoveReason.FIRST_PLACEMENT


def test_a_move_for_another_cause_is_said(world: World) -> None:
    apply(world, playbook(trigger=ENTER))
    world.user("a")
    world.moved("a", "active", "at_risk", 1, "rules")
    found = why(world, "a", 1)
    assert (found.reason, found.detail) == (MoveReason.OTHER_CAUSE, f"it happened {iso(day(1))}")
    world.write("playbooks/p0.toml", playbook(trigger=f'{ENTER}\non = ["rules"]'))
    assert why(world, "a", 1).reason is PlaybookReason.ENTERS_NEXT


@pytest.mark.parametrize(
    ("reentry", "reason", "said"),
    [
        ("once", PlaybookReason.ONCE_ONLY, "finished"),
        ("30d", PlaybookReason.REENTRY_NOT_YET, f"not before {iso(day(31))}"),
        ("always", PlaybookReason.ENTERS_NEXT, "it happened"),
    ],
)
def test_reentry_is_said(world: World, reentry: str, reason: PlaybookReason, said: str) -> None:
    apply(world, playbook(reentry=reentry))
    world.order("a", 1)
    world.tick(1)
    assert why(world, "a", 1).reason is PlaybookReason.SAME_OCCURRENCE
    world.order("a", 2)
    found = why(world, "a", 2)
    assert found.reason is reason
    assert said in found.detail


def test_dates_and_conditions_are_said(world: World) -> None:
    apply(world, playbook(trigger='date = { fact = "birthday", at = "09:00" }', expires="2d"))
    world.user("a", birthday="1990-05-17")
    world.user("b")
    world.tick(1)
    assert why(world, "a", number("2026-05-17T08:00")).reason is PlaybookReason.TRIGGER_TOO_OLD
    assert why(world, "a", number("2026-05-17T10:00")).reason is PlaybookReason.ENTERS_NEXT
    assert why(world, "b", 1).reason is PlaybookReason.NOT_TRIGGERED
    apply(world, playbook(trigger='when = "spend > 100"', reentry="10d"), at=1)
    assert why(world, "a", 1).reason is WhenReason.CONDITION_FALSE


def test_every_reason_has_a_sentence() -> None:
    of_kinds = (*(trigger.reasons for trigger in TRIGGERS), *(step.reasons for step in STEPS))
    for reason in (*PlaybookReason, *(reason for reasons in of_kinds for reason in reasons)):
        assert reason.sentence.endswith(".")
        assert reason.value == reason.value.lower().replace(" ", "_")


LIVES = {
    "moves": st.lists(st.tuples(st.sampled_from(["active", "at_risk", "potential"]), st.integers(0, 12)), max_size=6),
    "speaks": st.sampled_from([None, "de", "en"]),
    "seen": st.integers(0, 12),
    "now": st.integers(1, 20),
}


def the_explanation_is_what_a_tick_does(  # noqa: PLR0917 - hypothesis hands them by position
    tmp_path_factory: pytest.TempPathFactory,
    migrated_file: Path,
    moves: list[tuple[str, int]],
    speaks: str | None,
    seen: int,
    now: int,
) -> None:
    folder = tmp_path_factory.mktemp("maison")
    shutil.copy(migrated_file, folder / "habitue.db")
    world = World(folder, f"sqlite:///{folder / 'habitue.db'}")
    apply(world, playbook(trigger=ENTER, rest=GERMAN, reentry="5d"), at=1)
    world.user("a", 1, created_at=day(seen), language=speaks)
    world.tick(1)
    before = None
    for place, moment in sorted(moves, key=lambda move: move[1]):
        if place != before:
            world.moved("a", before, place, moment, None)
            before = place
    world.user("a", now, country="FR")
    said = why(world, "a", now)
    world.tick(now)
    entered = len(world.enrolments()) == 1
    assert entered == (said.reason is PlaybookReason.ENTERS_NEXT)
    if entered:
        assert why(world, "a", now + 1).reason in {PlaybookReason.SAME_OCCURRENCE, PlaybookReason.REENTRY_NOT_YET}
    world.close()


by_chance = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
test_the_explanation_is_what_a_tick_does = settings(by_chance, max_examples=10)(
    given(**LIVES)(the_explanation_is_what_a_tick_does)
)
test_the_explanation_is_what_a_tick_does_in_large_numbers = pytest.mark.bulk(
    settings(by_chance, max_examples=200)(given(**LIVES)(the_explanation_is_what_a_tick_does))
)
