"""Setting a store's clock back: afterwards it goes on as if the tick in the future had never been."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.clock import DAY
from engine.control.clock import ClockSetBack, read_clock, set_back
from engine.control.interventions import Hand
from tests.world import World, day

WRONG_AT = 10.0
AHEAD = {"a mistyped year": 65_600.0, "a year": 375.0, "two days": 12.0}
TABLES = {
    "transition": "SELECT u.key, t.dimension, t.from_place, t.to_place, t.at, t.cause, t.rule FROM transition AS t"
    " JOIN users AS u ON u.id = t.user_id",
    "enrolment": "SELECT u.key, n.playbook, n.version, n.state, n.step, n.due_at, n.trigger_at, n.entered_at, n.ended_at,"
    " n.waiting_since, n.reason FROM enrolment AS n JOIN users AS u ON u.id = n.user_id",
    "action": "SELECT u.key, a.playbook, a.step, a.attempt, a.kind, a.channel, a.coupon, a.state, a.reason, a.due_at,"
    " a.expires_at, a.tries, a.created_at, a.changed_at FROM action AS a JOIN users AS u ON u.id = a.user_id",
    "action_event": "SELECT u.key, a.playbook, a.step, v.at, v.state, v.reason FROM action_event AS v"
    " JOIN action AS a ON a.id = v.action_id JOIN users AS u ON u.id = a.user_id",
    "coupon_code": "SELECT c.coupon, u.key, c.claimed_at FROM coupon_code AS c LEFT JOIN users AS u ON u.id = c.user_id",
    "user_due": "SELECT u.key, t.due_at, t.cause FROM user_due AS t JOIN users AS u ON u.id = t.user_id",
    "user_date": "SELECT u.key, d.fact, d.month_day, d.year FROM user_date AS d JOIN users AS u ON u.id = d.user_id",
    "user_news": "SELECT user_id, due_at, cause FROM user_news",
    "slot": "SELECT schedule, slot, taken_at FROM slot",
    "cut_points": "SELECT fact, calibrated_at FROM cut_points",
    "version": "SELECT kind, name, hash, applied_at, first_applied_at FROM version",
    "tick": "SELECT at, users, transitions, enrolments, actions FROM tick",
    "quarantine": "SELECT kind, row_id FROM quarantine",
}
"""What a store has to say, without the ids of rows, because sequences do not go back, and the last evaluations, because
everybody concerned is evaluated once more."""


def said(world: World, *but: str) -> dict[str, list[str]]:
    """Return everything that the store says, in an order that does not depend on ids."""
    state = world.rows("SELECT s.*, u.key FROM user_state AS s JOIN users AS u ON u.id = s.user_id ORDER BY u.key")
    found = {name: sorted(map(repr, world.rows(query))) for name, query in TABLES.items() if name not in but}
    return {**found, "user_state": [repr(tuple(row)) for row in state]}


def beginning(world: World) -> None:
    """Ten days: buyers, a birthday in the future, somebody in the midst of a playbook, tiers, segments."""
    world.codes(*(f"C-{number}" for number in range(30)))
    for key in ("ann", "bob", "cy", "dee"):
        world.user(key, birthday="1990-01-15")
    world.user("eve", birthday="1991-01-10")
    world.open()
    world.event("ann", "signed_up", 1)
    world.order("bob", 1, 60_000, category="beauty")
    world.order("bob", 2, 1_000, category="home")
    world.order("bob", 3, 1_000, category="beauty")
    world.live(8.5, since=0.5)
    world.event("cy", "signed_up", 9.5)  # as the tick comes: waits count from the tick that took the step before
    world.tick(9.5, deliver=True)
    world.order("dee", 9.75, category="home")
    world.user("fay", 9.9)  # whom no tick has seen
    world.event("fay", "signed_up", 9.9)


def going_on(world: World) -> None:
    """Two more months at the right time."""
    for number in range(int(WRONG_AT), 80):
        if number == 15:
            world.order("ann", 15.25, category="beauty")
        if number == 20:
            world.user("gus", 20, birthday="1990-02-01")
        world.tick(number + 0.5, deliver=True)


def taken_back(world: World, at: float = WRONG_AT) -> ClockSetBack | None:
    world.clock.move_to(day(at))
    work = partial(set_back, content=world.content(), hand=Hand("bea", "a mistyped year"), now=day(at))
    return world.app.database.in_transaction(work)


@pytest.fixture
def right(tmp_path: Path) -> Iterator[World]:
    """The same brand, in a store that never has the wrong tick."""
    made = World(tmp_path / "right", f"sqlite:///{tmp_path}/right.db")
    made.app.migrate(made.content())
    yield made
    made.close()


@pytest.fixture
def wrong(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "wrong", database_url)
    made.app.migrate(made.content())
    yield made
    made.close()


@pytest.mark.parametrize("ahead", AHEAD.values(), ids=AHEAD)
def test_the_store_goes_on_as_if_the_wrong_tick_had_not_been(right: World, wrong: World, ahead: float) -> None:
    beginning(right)
    beginning(wrong)
    wrong.tick(ahead)
    assert wrong.app.tick(wrong.content(), day(WRONG_AT)).lived_until == day(ahead), "it is locked"
    done = taken_back(wrong)
    assert done is not None
    assert (done.ticks, done.actions.sent, done.enrolments.ended) == (1, (), 0)
    assert said(wrong, "user_due") != said(right, "user_due") or ahead < 100
    going_on(right)
    going_on(wrong)
    expected, found = said(right), said(wrong)
    # Who is evaluated an additional time is known by the counts of the first tick.
    expected["tick"], found["tick"] = expected["tick"][-60:], found["tick"][-60:]
    for table, rows in expected.items():
        assert found[table] == rows, table


def test_the_first_tick_of_a_store_may_have_been_the_wrong_one(right: World, wrong: World) -> None:
    """It applied the files, too: their version, and what triggers count from, lie in the future."""
    for world in (right, wrong):
        world.codes(*(f"C-{number}" for number in range(30)))
        world.user("ann", birthday="1990-01-15")
        world.event("ann", "signed_up", 9.9)
        world.order("ann", 9.95, 60_000, category="beauty")
    wrong.tick(400)
    done = taken_back(wrong)
    assert done is not None
    assert done.versions > 0
    for world in (right, wrong):
        for number in range(10, 60):
            world.tick(number + 0.5, deliver=True)
    # The files run since the wrong tick in one store, and half a day later in the other.
    expected, found = (said(world, "version", "tick", "slot") for world in (right, wrong))
    for table, rows in expected.items():
        assert found[table] == rows, table
    versions = wrong.rows("SELECT applied_at, first_applied_at FROM version WHERE kind = 'content'")
    assert versions == [(day(10), day(10))]
    wrong.write("rules/needs.toml", (wrong.folder / "rules/needs.toml").read_text() + "\n# edited\n")
    wrong.tick(61)
    assert wrong.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(2,)], "and can be replaced"
    assert wrong.rows("SELECT content_version FROM tick ORDER BY at DESC LIMIT 1") == [(wrong.content().version,)]


def test_what_was_sent_stays_and_is_told(wrong: World) -> None:
    beginning(wrong)
    wrong.tick(375.5, deliver=True)
    sent = wrong.rows("SELECT id, playbook FROM action WHERE tries > 0 AND changed_at > :now ORDER BY id", now=day(10))
    assert sent
    assert read_clock_of(wrong).ahead == int(365.5 * DAY)
    done = taken_back(wrong)
    assert done is not None
    assert sum(one.count for one in done.actions.sent) == len(sent)
    for number, playbook in sent:
        [(state, changed_at, created_at)] = wrong.rows(
            "SELECT state, changed_at, created_at FROM action WHERE id = :id", id=number
        )
        assert (state, changed_at) == ("accepted", day(10)), playbook
        assert created_at <= day(10)
    for query in (
        "SELECT 1 FROM transition WHERE at > :now",
        "SELECT 1 FROM tick WHERE at > :now",
        "SELECT 1 FROM slot WHERE taken_at > :now",
        "SELECT 1 FROM enrolment WHERE entered_at > :now OR ended_at > :now OR trigger_at > :now",
        "SELECT 1 FROM action WHERE created_at > :now OR changed_at > :now",
        "SELECT 1 FROM action_event WHERE at > :now",
        "SELECT 1 FROM action_content WHERE at > :now",
        "SELECT 1 FROM coupon_code WHERE claimed_at > :now",
        "SELECT 1 FROM user_due WHERE evaluated_at > :now",
    ):
        assert wrong.rows(query, now=day(10)) == [], query
    wrong.tick(10.5, deliver=True)
    wrong.tick(12.5, deliver=True)
    assert {number for number, _ in sent} <= {one for (one,) in wrong.rows("SELECT id FROM action WHERE tries > 0")}
    twice = "SELECT enrolment_id, step FROM action WHERE tries > 0 GROUP BY enrolment_id, step HAVING count(*) > 1"
    assert wrong.rows(twice) == []


def test_an_earlier_message_that_expired_in_the_future_waits_again(wrong: World) -> None:
    beginning(wrong)
    wrong.tick(9.8)
    dees = "SELECT a.state, a.reason, a.due_at FROM action AS a JOIN users AS u ON u.id = a.user_id WHERE u.key = 'dee'"
    before = wrong.rows(dees)
    assert [state for state, _, _ in before] == ["queued"]
    wrong.tick(375.5, deliver=True)
    assert [state for state, _, _ in wrong.rows(dees)] == ["expired"]
    done = taken_back(wrong)
    assert done is not None
    assert wrong.rows(dees) == before
    assert done.actions.restored >= 1
    wrong.tick(10.5, deliver=True)
    assert [state for state, _, _ in wrong.rows(dees)] == ["accepted"]


def test_setting_back_needs_a_clock_that_is_ahead(wrong: World) -> None:
    beginning(wrong)
    before = said(wrong)
    assert taken_back(wrong, 9.5) is None
    assert taken_back(wrong, 9.5 - 4 / 24 / 60) is None, "another worker's clock may be slightly ahead"
    assert said(wrong) == before
    assert wrong.rows("SELECT * FROM intervention") == []


def read_clock_of(world: World) -> Any:
    with world.app.database.read() as connection:
        return read_clock(connection, day(WRONG_AT))


def test_it_is_recorded_and_only_once(wrong: World) -> None:
    beginning(wrong)
    wrong.tick(375)
    done = taken_back(wrong)
    assert done is not None
    found = wrong.rows("SELECT at, who, command, subject, why, changed FROM intervention")
    subject = "the store, to 2026-01-11T00:00:00Z"
    assert found == [(day(10), "bea", "clock set back", subject, "a mistyped year", done.rows)]
    assert taken_back(wrong) is None
    assert wrong.rows("SELECT count(*) FROM intervention") == [(1,)]


def test_the_command_looks_before_it_writes(wrong: World) -> None:
    beginning(wrong)
    assert wrong.program("admin", "clock").returncode == 0
    wrong.tick(60_000)  # the command runs at the machine's time, which is later than the story's
    before = said(wrong)
    shown = wrong.program("admin", "clock")
    assert (shown.returncode, "ahead: ticks do nothing until then" in shown.stdout) == (1, True)
    tried = wrong.program("admin", "clock", "--set-back", "--dry-run")
    assert (tried.returncode, "It would be set back to" in tried.stdout, "1 ticks" in tried.stdout) == (1, True, True)
    assert wrong.program("admin", "clock", "--dry-run").returncode == 2
    assert said(wrong) == before
    assert wrong.rows("SELECT * FROM intervention") == []
    done = wrong.program("admin", "clock", "--set-back", "--json", "--who", "bea")
    document = json.loads(done.stdout)
    assert (document["set_back"]["ticks"], document["dry_run"]) == (1, False)
    assert wrong.rows("SELECT who, command FROM intervention") == [("bea", "clock set back")]
    assert wrong.program("admin", "clock").returncode == 0
    assert wrong.program("tick", "--no-deliver").returncode == 0
    assert len(wrong.rows("SELECT at FROM tick WHERE at > :end", end=day(10))) == 1


def test_a_person_who_said_no_meanwhile_keeps_the_no(wrong: World) -> None:
    """Consents, addresses and events come from outside: nothing of them is taken back."""
    beginning(wrong)
    wrong.tick(375)
    wrong.clock.move_to(day(375))
    wrong.user("ann", 375, consents={"email": False})
    kept = wrong.rows("SELECT * FROM consent ORDER BY user_id"), wrong.rows("SELECT count(*) FROM event")
    taken_back(wrong)
    assert (wrong.rows("SELECT * FROM consent ORDER BY user_id"), wrong.rows("SELECT count(*) FROM event")) == kept
