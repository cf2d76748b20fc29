"""Each sickness that ``habitue status`` reports, brought about; beside it the healthy store, which needs nobody.

Those of delivery are in ``test_checks_of_delivery``.
"""

from pathlib import Path

import pytest

from engine.clock import DAY, HOUR, MINUTE
from engine.explain.checks import CHECKS
from engine.explain.notices import Notice, NoticeKind
from engine.pipeline import Progress
from tests.explain.checking import beat, found, healthy, printed, status, the_one
from tests.world import World, day

# --- workers and ticks ------------------------------------------------------------------------------------------------


def test_nobody_works_though_users_are_due(world: World) -> None:
    world.codes(*(f"C-{number}" for number in range(50)))
    world.order("ann", 1)
    world.tick(1, deliver=True)
    healthy(status(world, 1))
    [(due,)] = world.rows("SELECT min(due_at) FROM user_due")
    at = (due - day(0)) / DAY
    healthy(status(world, at + MINUTE / DAY))
    problem = the_one(status(world, at + HOUR / DAY), "no_worker")
    assert "overdue are users for 1h" in problem.message
    assert "`habitue run`" in problem.remedy
    world.tick(at + HOUR / DAY)
    healthy(status(world, at + HOUR / DAY))


def test_nobody_works_though_something_is_new(world: World) -> None:
    world.event("ann", "review_posted", 1)
    assert "something is new" in the_one(status(world, 1), "no_worker").message
    beat(world, "w", 1)
    assert "`habitue run`, without `--only delivery`" in the_one(status(world, 1), "no_ticks").remedy
    world.tick(1)
    healthy(status(world, 1))


def test_whoever_ticks_by_crontab_needs_no_worker(world: World) -> None:
    world.tick(1)
    world.order("ann", 1)
    healthy(status(world, 1 + 4 * MINUTE / DAY))
    assert found(world, 1 + 6 * MINUTE / DAY) == ["no_worker"]
    world.configure(schedule={"tick": "1h"})
    healthy(status(world, 1 + HOUR / DAY))


def test_a_worker_that_died_is_told_until_another_takes_its_place(world: World) -> None:
    beat(world, "old", 1)
    healthy(status(world, 1 + MINUTE / DAY))
    problem = the_one(status(world, 1.1), "worker_died")
    assert problem.subject == "worker old"
    beat(world, "new", 1.1)
    healthy(status(world, 1.1))


def test_one_of_two_workers_died(world: World) -> None:
    beat(world, "old", 1)
    other = beat(world, "other", 0.9)
    other.beat(day(1.1), "v")
    assert the_one(status(world, 1.1), "worker_died").subject == "worker old"


def test_a_tick_that_failed_counts_until_one_succeeds(world: World) -> None:
    def full(_: Progress) -> None:
        raise OSError("disk full")

    for number in (1, 1.1):
        with pytest.raises(OSError, match="disk full"):
            world.app.tick(world.content(), day(number), full)
    problem = the_one(status(world, 1.1), "tick_failed")
    assert "the last 2 ticks had problems" in problem.message
    assert "OSError" in problem.message
    world.tick(2)
    healthy(status(world, 2))


def test_a_tick_that_cannot_even_begin_is_told_by_its_worker(world: World) -> None:
    heart = beat(world, "w", 1, Notice(NoticeKind.TICK, "the version that ran before cannot be read"))
    assert "cannot be read" in the_one(status(world, 1), "tick_failed").message
    heart.beat(day(1), "v")
    healthy(status(world, 1))


def test_a_tick_that_hangs(world: World) -> None:
    def killed(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.app.tick(world.content(), day(1), killed)
    healthy(status(world, 1))
    world.execute("UPDATE tick SET started_at = started_at - :hours WHERE ended_at IS NULL", hours=3 * HOUR)
    assert "began 3h" in the_one(status(world, 1), "tick_hangs").message
    world.tick(1.1)
    healthy(status(world, 1.1))


def test_a_sweep_that_stalls(world: World) -> None:
    world.user("ann")
    world.tick(1)
    facts = (world.folder / "rules/value.toml").read_text(encoding="utf-8")
    world.write("rules/value.toml", facts.replace("500", "600"))
    world.app.apply(world.content(), day(1))
    healthy(status(world, 1))
    world.execute("UPDATE sweep SET opened_at = opened_at - :minutes", minutes=20 * MINUTE)
    problem = the_one(status(world, 1), "sweep_stalled")
    assert "for 20m" in problem.message
    assert "0 of 1 users" in problem.message
    world.tick(1.1)
    healthy(status(world, 1.1))


def test_a_sweep_that_began_long_ago_and_gets_on_has_not_stalled(world: World) -> None:
    world.user("ann")
    world.tick(1)
    facts = (world.folder / "rules/value.toml").read_text(encoding="utf-8")
    world.write("rules/value.toml", facts.replace("500", "600"))
    world.app.apply(world.content(), day(1))
    old = "UPDATE sweep SET opened_at = opened_at - :hours, started_at = opened_at - :hours"
    world.execute(old, hours=5 * HOUR)
    assert found(world, 1) == ["sweep_stalled"]
    [(opened,)] = world.rows("SELECT opened_at FROM sweep WHERE finished_at IS NULL")
    world.execute("UPDATE sweep_range SET reached_at = :at", at=opened + 5 * HOUR)
    healthy(status(world, 1))


def test_a_store_that_is_ahead_of_the_clock(world: World) -> None:
    world.tick(5)
    problem = the_one(status(world, 1), "clock_ahead")
    assert "the last tick is of 2026-01-06T00:00:00Z, 4d from now" in problem.message
    assert "`habitue admin clock`" in problem.remedy
    healthy(status(world, 5 - 4 * MINUTE / DAY))


def test_a_message_or_a_worker_from_the_future(world: World) -> None:
    world.order("ann", 1)
    world.tick(1, deliver=True)
    world.execute("UPDATE action_event SET at = at + :day", day=DAY)
    world.mark_actions("suppressed")
    assert "the newest change of a message" in the_one(status(world, 1), "clock_ahead").message
    world.execute("UPDATE action_event SET at = at - :day", day=DAY)
    healthy(status(world, 1))
    beat(world, "ahead", 2)
    assert "the heartbeat of worker ahead" in the_one(status(world, 1), "clock_ahead").message
    beat(world, "ahead", 1, Notice(NoticeKind.CLOCK, "this clock is behind the store"))
    assert "this clock is behind" in the_one(status(world, 1), "clock_ahead").message


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_with_errors_are_told_while_the_good_version_runs(world: World) -> None:
    before = world.content().version
    healthy(status(world, 1))
    world.write("rules/value.toml", "[dimension]\nname = 'value'\nkind = 'tears'\n")
    seen = status(world, 1)
    assert seen.store.content_version == before != seen.files_version
    assert seen.files_errors >= 1
    problem = the_one(seen, "files")
    assert "rules/value.toml" in problem.message
    assert "`habitue check`" in problem.remedy


def test_files_that_need_columns_ask_for_migrate(world: World) -> None:
    facts = (world.folder / "rules/facts.toml").read_text(encoding="utf-8")
    world.write("rules/facts.toml", facts + '\n[facts.visits]\ncount = "order_completed"\n')
    assert "`habitue migrate`" in the_one(status(world, 1), "columns").remedy


def test_files_that_another_machine_refused(world: World) -> None:
    beat(world, "far:7", 1, Notice(NoticeKind.FILES, "the files have 2 errors, the first: rules/a.toml: …"))
    problem = the_one(status(world, 1), "files")
    assert (problem.subject, "2 errors" in problem.message) == ("worker far:7", True)


def test_a_playbook_that_is_gone_with_users_in_it(world: World) -> None:
    world.user("ann")
    world.event("ann", "signed_up", 1)
    world.tick(1, deliver=True)
    healthy(status(world, 1))
    world.remove("playbooks/welcome.toml")
    problem = the_one(status(world, 1), "retired_playbook")
    assert problem.subject == "playbook welcome"
    assert "1 user is still in it" in problem.message
    assert "playbooks/welcome.toml" in problem.remedy
    world.execute("UPDATE enrolment SET state = 'finished'")
    healthy(status(world, 1))


# --- codes, disk, quarantine ------------------------------------------------------------------------------------------


def test_a_pool_lasts_as_long_as_its_rate_says(world: World) -> None:
    world.codes(*(f"C-{number}" for number in range(40)))
    healthy(status(world, 0.5))
    for number in range(1, 8):
        for order in range(3):
            world.user(f"u{number}-{order}", number, first_name="Ann")
            world.order(f"u{number}-{order}", number, 1_000, category="beauty")
        world.tick(number, deliver=True)
    [pool] = status(world, 7).pools
    assert (pool.free, pool.claimed, pool.over) == (40 - 7 * 3, 7 * 3, 6 * DAY)
    problem = the_one(status(world, 7), "pool")
    assert problem.message == "19 codes left, enough for 5 days at the present rate (about 4 codes a day)"
    assert "`habitue coupons import GIFT FILE`" in problem.remedy
    world.codes(*(f"D-{number}" for number in range(40)))
    healthy(status(world, 7))


def test_a_pool_that_nobody_draws_on_needs_nothing(world: World) -> None:
    world.codes("C-1", "C-2")
    world.user("ann", 1, first_name="Ann")
    world.order("ann", 1, 1_000, category="beauty")
    world.tick(1, deliver=True)
    assert found(world, 1) == ["pool"]
    world.tick(20)
    healthy(status(world, 20))


def test_an_empty_pool_is_told_of_beside_those_who_wait(world: World) -> None:
    world.codes("C-1")
    world.user("ann", 1, first_name="Ann")
    world.order("ann", 1, 1_000, category="beauty")
    world.tick(1, deliver=True)
    assert "no code left" in the_one(status(world, 1), "pool").message
    world.order("bob", 1)
    world.tick(1.1)
    assert found(world, 1.1) == ["held", "pool"]


def test_a_disk_that_is_nearly_full(world: World) -> None:
    seen = status(world, 1)
    healthy(seen)
    world.configure(status={"free_disk_mb": 10**9})
    if seen.disk is None:
        assert "disk: not looked at" in printed(seen)
        healthy(status(world, 1))
        return
    assert f"free at {seen.disk.folder}" in printed(seen)
    assert seen.disk.folder in the_one(status(world, 1), "disk").message


def test_a_web_door_that_cannot_listen(world: World) -> None:
    world.tick(1)
    beat(world, "w", 1)
    healthy(status(world, 1))
    beat(world, "w", 1, Notice(NoticeKind.WEB, "the web door cannot listen at 127.0.0.1:8080"))
    problem = the_one(status(world, 1), "web")
    assert (problem.subject, problem.message) == ("worker w", "the web door cannot listen at 127.0.0.1:8080")
    assert "`[web]`" in problem.remedy


def test_rows_in_quarantine(tmp_path: Path, database_url: str) -> None:
    strict = {"templates/welcome/hello.email.j2": "{% block subject %}Hi {{ facts.first_name }}{% endblock %}"
              "{% block html %}<a href='{{ unsubscribe_url }}'>x</a>{% endblock %}"}  # fmt: skip
    world = World(tmp_path / "strict", database_url, strict).open()
    world.user("ann")
    world.event("ann", "signed_up", 1)
    world.tick(1, deliver=True)
    problem = the_one(status(world, 1), "quarantine")
    assert problem.message == "1 action could not be processed"
    assert "`habitue admin quarantine`" in problem.remedy
    world.close()


# --- all of them ------------------------------------------------------------------------------------------------------


def test_every_check_has_a_name_of_its_own_and_a_test() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    told = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_checks*.py"))
    assert [name for name in names if f'"{name}"' not in told] == []


def test_the_exit_code_says_it(world: World) -> None:
    done = world.program("status")
    assert (done.returncode, "Nothing needs attention." in done.stdout) == (0, True)
    world.write("rules/value.toml", "nothing of sense")
    done = world.program("status")
    assert (done.returncode, "Nothing needs attention" in done.stdout) == (1, False)
