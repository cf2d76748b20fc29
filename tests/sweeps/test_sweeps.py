"""Sweeps by ticks: an edit of the rules reaches everybody, through crashes, bad rows and further edits."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from engine.app import App
from engine.rules.decide.decider import Deciders
from engine.store.database import Database
from engine.store.dialects.sqlite import SQLITE
from tests.maison import FACTS, VALUE, email
from tests.world import World, day

USERS, CHUNK = 40, 5
EDITED = VALUE.replace("spend >= 500 and orders >= 3", "spend >= 150")
HELLO = {"templates/steps/hello.email.j2": email("Hello", "Hello")}
RESULTS = {
    "states": "SELECT * FROM user_state ORDER BY user_id",
    "due": "SELECT user_id, due_at, cause FROM user_due ORDER BY user_id",
    "dates": "SELECT fact, user_id, month_day, year FROM user_date ORDER BY 1, 2",
    "transitions": "SELECT user_id, dimension, from_place, to_place, at, cause, rule FROM transition ORDER BY 1, 2, at, 4",
    "enrolments": "SELECT user_id, playbook, trigger_at, state, step, due_at, reason FROM enrolment ORDER BY 1, 2, 3",
    "actions": "SELECT user_id, playbook, step, state, reason, due_at FROM action ORDER BY 1, 2, 3",
    "open sweeps": "SELECT * FROM sweep WHERE finished_at IS NULL",
    "ranges": "SELECT * FROM sweep_range",
    "news": "SELECT * FROM user_news",
    "quarantine": "SELECT * FROM quarantine",
}


class Shop(World):
    """A world in which a chunk is five users; settings allow no fewer than a hundred."""

    @cached_property
    def app(self) -> App:
        made = super().app
        schedule = made.settings.schedule.model_copy(update={"chunk": CHUNK})
        made.settings = made.settings.model_copy(update={"schedule": schedule})
        return made


def shop(folder: Path, url: str, files: dict[str, str | None] | None = None, users: int = USERS) -> World:
    """Customers u01, u02, ... who have bought for 10, 20, ... and were evaluated."""
    world = Shop(folder, url, {**HELLO, **(files or {})}).open()
    for number in range(1, users + 1):
        world.user(f"u{number:02}", birthday="1990-03-01")
        world.order(f"u{number:02}", 0.5, 1_000 * number)
    for at in (1, 1.5):
        world.tick(at)
    return world


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with closing(shop(tmp_path / "shop", database_url)) as made:
        yield made


def edit(world: World, path: str = "rules/value.toml", content: str = EDITED) -> None:
    world.write(path, content)
    world.app.migrate(world.content())


def results(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {name: world.rows(query) for name, query in RESULTS.items()}


def moved(world: World, since: float) -> dict[str, list[str]]:
    """Place -> who moved there from a day on."""
    rows = world.rows(
        "SELECT t.to_place, u.key FROM transition t JOIN users u ON u.id = t.user_id WHERE at >= :since ORDER BY u.key",
        since=day(since),
    )
    return {
        place: [key for to_place, key in rows if to_place == place] for place in dict.fromkeys(row[0] for row in rows)
    }


def keys(first: int, last: int) -> list[str]:
    return [f"u{number:02}" for number in range(first, last + 1)]


# --- who moves, and what is written ----------------------------------------------------------------------------------


def test_an_edit_moves_those_who_must_move_and_writes_their_rows_alone(world: World) -> None:
    watched = row_versions(world, "user_state")
    edit(world)
    done = world.tick(3)
    assert moved(world, 2) == {"high": keys(15, USERS), "vip": keys(15, USERS)}
    assert world.rows("SELECT DISTINCT cause FROM transition WHERE at >= :since", since=day(2)) == [("rules",)]
    assert watched() == list(range(15, USERS + 1))
    assert done.transitions == 2 * (USERS - 14)
    assert world.rows("SELECT count(*) FROM user_due WHERE due_at <= :now", now=day(3)) == [(0,)]
    assert world.rows("SELECT finished_at IS NOT NULL, cause FROM sweep ORDER BY id DESC LIMIT 1") == [(True, "rules")]


def row_versions(world: World, table: str) -> Callable[[], list[int]]:
    """Return a function that returns the users whose rows of ``table`` have been written meanwhile."""
    if world.app.database.dialect is SQLITE:
        world.execute("CREATE TABLE touched (user_id BIGINT)")
        world.execute(
            f"CREATE TRIGGER touch AFTER UPDATE ON {table} BEGIN INSERT INTO touched VALUES (new.user_id); END"
        )
        return lambda: [user for (user,) in world.rows("SELECT DISTINCT user_id FROM touched ORDER BY user_id")]
    query = f"SELECT user_id, CAST(xmin AS TEXT), CAST(ctid AS TEXT) FROM {table} ORDER BY user_id"
    before = world.rows(query)
    return lambda: [row[0] for row, old in zip(world.rows(query), before, strict=True) if row != old]


def test_an_edit_that_moves_nobody_writes_nobody(world: World) -> None:
    states, due = row_versions(world, "user_state"), world.rows(RESULTS["due"])
    edit(world, content=VALUE.replace("spend >= 500", "spend >= 501"))
    assert world.tick(3).transitions == 0
    assert states() == []
    assert world.rows(RESULTS["due"]) == due


def test_a_tick_leaves_no_news_and_nobody_due(world: World) -> None:
    world.order("u01", 2, 100)
    world.user("u02", city="Berlin")
    world.user("new", 2)
    assert len(world.rows(RESULTS["news"])) >= 3
    assert world.tick(2).users == 3
    assert world.rows(RESULTS["news"]) == []
    assert world.rows("SELECT count(*) FROM user_due WHERE due_at <= :now", now=day(2)) == [(0,)]
    assert world.rows("SELECT count(*) FROM user_due WHERE cause IS NOT NULL") == [(0,)]


# --- crashes ---------------------------------------------------------------------------------------------------------


class Died(Exception):
    """The worker died here."""


@pytest.mark.parametrize("after_commit", [False, True])
def test_an_interrupted_sweep_goes_on_at_its_cursor(tmp_path: Path, database_url: str, after_commit: bool) -> None:
    with closing(shop(tmp_path / "plain", f"sqlite:///{tmp_path / 'plain.db'}")) as plain:
        edit(plain)
        plain.tick(3)
        wanted = results(plain)
    with closing(shop(tmp_path / "shop", database_url)) as world:
        edit(world)
        world.content()
        reached = [0]
        for _ in range(100):
            store = world.scripted()
            commits = 0

            def die(*_: object) -> None:
                nonlocal commits
                commits += 1
                if commits == 5:
                    raise Died

            if after_commit:
                store.committed = die
            else:
                store.committing = die
            try:
                world.tick(3)
                break
            except Died:
                world.close()
                cursor = world.rows("SELECT next_user FROM sweep_range")
                reached += [row[0] for row in cursor] or [USERS + 1]
                assert reached == sorted(reached), "no tick goes back behind the cursor"
                assert moved(world, 2).get("high", []) == keys(15, reached[-1] - 1), "what was reached is kept"
        assert len(set(reached)) > 3, "it died in the middle several times"
        found = results(world)
    assert {name: list(map(repr, rows)) for name, rows in found.items() if name != "states"} == {
        name: list(map(repr, rows)) for name, rows in wanted.items() if name != "states"
    }
    assert [row[:2] for row in found["states"]] == [row[:2] for row in wanted["states"]]


# --- in which order --------------------------------------------------------------------------------------------------


def test_due_users_go_before_the_sweep_and_news_before_the_calendar(world: World) -> None:
    world.execute("UPDATE user_due SET due_at = :at WHERE user_id IN (1, 2, 3, 4, 5, 6, 7)", at=day(2))
    world.order("u40", 2.9, 100)
    world.user("u39", city="Berlin")
    edit(world)
    order: list[list[int]] = []
    world.app.tick(world.content(), day(3), lambda _: order.append(_evaluated(world, order)))
    chunks = [chunk for chunk in order if chunk]
    assert set(chunks[0]) >= {39, 40}
    assert {user for chunk in chunks[:2] for user in chunk} == {1, 2, 3, 4, 5, 6, 7, 39, 40}
    assert moved(world, 2)["high"] == keys(15, USERS)


def _evaluated(world: World, before: list[list[int]]) -> list[int]:
    """Who was evaluated as due since the last chunk, while the sweep has reached nobody yet."""
    known = {user for chunk in before for user in chunk}
    rows = world.rows("SELECT user_id FROM user_due WHERE evaluated_at = :now ORDER BY 1", now=day(3))
    reached = world.rows("SELECT coalesce(min(next_user), 0) FROM sweep_range")[0][0]
    return [user for (user,) in rows if user not in known] if reached == 1 else []


BRANCH = """
[playbook]
name = "branch"
class = "service"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
wait = "2d"

[[step]]
branch = [{ when = "value = 'high'", to = "gift" }]
otherwise = "note"

[[step]]
id = "gift"
send = ["email"]
template = "steps/hello"

[[step]]
exit = "done"

[[step]]
id = "note"
send = ["email"]
template = "steps/hello"
"""
EVENING = """
[playbook]
name = "evening"
class = "service"
reentry = "always"
expires = "1d"

[trigger]
schedule = { cron = "0 18 * * *" }

[audience]
when = "value = 'high'"

[[step]]
id = "mail"
send = ["email"]
template = "steps/hello"
"""


def test_steps_wait_until_the_sweep_is_over(tmp_path: Path, database_url: str) -> None:
    """The enrolments that are due at the edit ask for the placement, which has to be the new one for everybody."""
    with closing(shop(tmp_path / "shop", database_url, {"playbooks/branch.toml": BRANCH})) as world:
        for number in (1, 14, 15, USERS):
            world.event(f"u{number:02}", "signed_up", 1.6)
        world.tick(2)
        edit(world)
        world.tick(4)
        steps = dict(
            world.rows("SELECT u.key, a.step FROM action a JOIN users u ON u.id = a.user_id WHERE playbook = 'branch'")
        )
        assert steps == {"u01": "note", "u14": "note", "u15": "gift", "u40": "gift"}


def test_occasions_wait_until_the_sweep_is_over(tmp_path: Path, database_url: str) -> None:
    with closing(shop(tmp_path / "shop", database_url, {"playbooks/evening.toml": EVENING})) as world:
        edit(world)
        world.tick(3 + 18 / 24)
        rows = world.rows(
            "SELECT u.key FROM enrolment n JOIN users u ON u.id = n.user_id WHERE n.playbook = 'evening'"
            " AND n.trigger_at = :at ORDER BY 1",
            at=day(3 + 18 / 24),
        )
        assert [key for (key,) in rows] == keys(15, USERS)


def test_a_sweep_that_opens_during_a_tick_is_finished_before_steps_ask(tmp_path: Path, database_url: str) -> None:
    """Another worker's calibration, or an edit of columns, may open one after the users' stage."""
    with closing(shop(tmp_path / "shop", database_url, {"playbooks/branch.toml": BRANCH})) as world:
        world.event("u40", "signed_up", 1.6)
        world.tick(2)
        edit(world)
        world.tick(3)
        store = world.scripted()
        opened = False

        def open_again(connection: Connection) -> None:
            nonlocal opened
            due = connection.execute(
                text("SELECT 1 FROM enrolment WHERE state = 'active' AND due_at <= :now"), {"now": day(4)}
            ).first()
            if (
                not opened
                and due
                and not connection.execute(text("SELECT 1 FROM sweep WHERE finished_at IS NULL")).first()
            ):
                opened = True
                connection.execute(text("UPDATE sweep SET finished_at = NULL WHERE id = (SELECT max(id) FROM sweep)"))
                connection.execute(
                    text("INSERT INTO sweep_range (sweep_id, low, high, next_user) SELECT max(id), 1, 41, 1 FROM sweep")
                )
                connection.execute(text("UPDATE user_state SET place_value = 'low' WHERE user_id = 40"))

        store.writing = open_again
        world.tick(4)
        assert opened
        steps = world.rows(
            "SELECT u.key, a.step FROM action a JOIN users u ON u.id = a.user_id WHERE playbook = 'branch'"
        )
        assert steps == [("u40", "gift")]


# --- bad rows --------------------------------------------------------------------------------------------------------


def test_a_bad_row_is_quarantined_and_the_others_are_reached(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """On SQLite, whose JSON may be none. The sweep has to compute facts, because the edit declares another one."""
    with closing(shop(tmp_path / "shop", migrated_sqlite_url)) as world:
        world.execute("UPDATE users SET attributes = '{' WHERE key = 'u20'")
        edit(world, "rules/facts.toml", FACTS + '\n[facts.city]\nattribute = "city"\ntype = "text"\n')
        edit(world)
        done = world.tick(3)
        assert done.quarantined == 1
        assert world.rows("SELECT kind, row_id, stage FROM quarantine") == [("user", 20, "users")]
        assert moved(world, 2)["high"] == [key for key in keys(15, USERS) if key != "u20"]
        assert results(world)["open sweeps"] == []
        world.execute("UPDATE users SET attributes = NULL WHERE key = 'u20'")
        world.tick(3 + 1 / 24)
        assert moved(world, 3.01) == {"high": ["u20"], "vip": ["u20"]}
        assert world.rows("SELECT DISTINCT cause FROM transition WHERE user_id = 20 AND at > :at", at=day(3)) == [
            ("rules",)
        ]
        assert world.rows("SELECT * FROM quarantine") == []


# --- edits on top of each other --------------------------------------------------------------------------------------


def test_a_second_edit_while_a_sweep_is_open_reaches_everybody_again(world: World) -> None:
    edit(world)
    with pytest.raises(Died):
        stopped(world, 3, chunks=4)
    reached = moved(world, 2)["high"]
    assert 0 < len(reached) < 26
    edit(world, content=VALUE.replace("spend >= 500 and orders >= 3", "spend >= 300"))
    world.tick(3.5)
    high = world.rows(
        "SELECT u.key FROM user_state s JOIN users u ON u.id = s.user_id WHERE place_value = 'high' ORDER BY 1"
    )
    locked = [key for key in reached if key < "u30"]
    assert [key for (key,) in high] == sorted({*keys(30, USERS), *locked}), (
        "whoever had risen is locked, or has a grace"
    )
    assert world.rows("SELECT count(*) FROM sweep")[0][0] >= 2
    assert results(world)["open sweeps"] == results(world)["ranges"] == []
    assert world.rows("SELECT DISTINCT cause FROM transition WHERE at >= :since", since=day(2)) == [("rules",)]


def stopped(world: World, at: float, chunks: int) -> None:
    """Tick, and die after some chunks of users."""
    seen = 0

    def watch(_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == chunks:
            raise Died

    world.clock.move_to(day(at))
    world.app.tick(world.content(), day(at), watch)


def test_an_edit_that_is_taken_back_before_anybody_was_reached_moves_nobody(world: World) -> None:
    edit(world)
    world.app.apply(world.content(), day(2))
    edit(world, content=VALUE)
    world.tick(3)
    assert moved(world, 2) == {}


# --- what else is pending --------------------------------------------------------------------------------------------


def test_a_scheduled_event_is_evaluated_in_its_time_and_counts_as_behaviour_or_time(world: World) -> None:
    world.order("u01", 5, 90_000, category="beauty")
    world.tick(2)
    edit(world)
    world.tick(3)
    assert world.rows("SELECT due_at FROM user_due WHERE user_id = 1") == [(day(5),)]
    world.tick(5)
    found = dict(world.rows("SELECT to_place, cause FROM transition WHERE user_id = 1 AND at >= :at", at=day(4)))
    assert found.keys() == {"high", "vip", "beauty"}
    assert set(found.values()) <= {"behaviour", "time"}
    thanks = world.rows("SELECT trigger_at FROM enrolment WHERE user_id = 1 AND playbook = 'thanks' ORDER BY 1")
    assert thanks[-1] == (day(5),)


def test_news_of_a_scheduled_event_that_no_tick_has_seen_survive_the_edit(world: World) -> None:
    world.order("u01", 5, 90_000, category="beauty")
    edit(world)
    for at in (3, 4):
        world.tick(at)
    assert world.rows("SELECT due_at, cause FROM user_due WHERE user_id = 1") == [(day(5), "behaviour")]
    world.tick(5)
    found = world.rows("SELECT DISTINCT cause FROM transition WHERE user_id = 1 AND at >= :at", at=day(4))
    assert found == [("behaviour",)]


MISSED = """
[playbook]
name = "missed"
class = "service"
reentry = "10d"
expires = "2d"

[trigger]
when = "spend > 100"

[[step]]
id = "mail"
send = ["email"]
template = "steps/hello"
"""


def test_whoever_may_enter_again_later_still_does_after_an_edit(tmp_path: Path, database_url: str) -> None:
    with closing(shop(tmp_path / "shop", database_url, {"playbooks/missed.toml": MISSED}, users=12)) as world:
        entered = "SELECT user_id, trigger_at FROM enrolment WHERE playbook = 'missed' ORDER BY 1, 2"
        assert world.rows(entered) == [(11, day(1)), (12, day(1))]
        edit(world, content=EDITED.replace("150", "10"))
        world.tick(3)
        world.tick(11)
        assert world.rows(entered) == [(11, day(1)), (11, day(11)), (12, day(1)), (12, day(11))]


# --- two workers -----------------------------------------------------------------------------------------------------


def test_two_workers_share_a_sweep(migrated_postgresql_url: str, tmp_path: Path) -> None:
    users = 30
    with closing(shop(tmp_path / "alone", f"sqlite:///{tmp_path / 'alone.db'}", users=users)) as alone:
        edit(alone)
        alone.tick(3)
        wanted = results(alone)
    with (
        closing(shop(tmp_path / "one", migrated_postgresql_url, users=users)) as one,
        closing(Shop(tmp_path / "two", migrated_postgresql_url, HELLO)) as two,
    ):
        for world in (one, two):
            world.write("rules/value.toml", EDITED)
            world.app.deciders = Deciders()
        one.app.apply(one.content(), day(3))
        split_ranges(one.app.database, users)
        contents = [world.content() for world in (one, two)]
        with ThreadPoolExecutor(2) as pool:
            ticks = [
                pool.submit(world.app.tick, content, day(3))
                for world, content in zip((one, two), contents, strict=True)
            ]
            done = [tick.result(60) for tick in ticks]
        assert [tick.ended_early for tick in done] == [None, None]
        assert sum(tick.transitions for tick in done) == len([row for row in wanted["transitions"] if row[4] >= day(3)])
        found = results(one)
    assert found["transitions"] == wanted["transitions"]
    assert found["due"] == wanted["due"]
    assert found["open sweeps"] == found["ranges"] == []


def split_ranges(database: Database, users: int) -> None:
    """Make the sweep's one range three, as it would be with more users than tests have."""
    third = users // 3
    with database.write() as connection:
        connection.execute(text("UPDATE sweep_range SET high = :high"), {"high": 1 + third})
        for low in (1 + third, 1 + 2 * third):
            connection.execute(
                text(
                    "INSERT INTO sweep_range (sweep_id, low, high, next_user)"
                    " SELECT sweep_id, CAST(:low AS BIGINT), CAST(:high AS BIGINT), CAST(:low AS BIGINT)"
                    " FROM sweep_range WHERE low = 1"
                ),
                {"low": low, "high": low + third},
            )


def wait_until_it_waits(world: World) -> None:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(3_000):
        if world.rows(waiting):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the tick never waited for the other worker's range")


def test_a_worker_waits_for_the_other_ones_range_before_it_asks_conditions(
    migrated_postgresql_url: str, tmp_path: Path
) -> None:
    """Whoever finds no range left does not go on to steps while another worker's is not committed."""
    with closing(shop(tmp_path / "shop", migrated_postgresql_url, {"playbooks/branch.toml": BRANCH})) as world:
        world.event("u40", "signed_up", 1.6)
        world.tick(2)
        edit(world)
        world.app.apply(world.content(), day(4))
        other = Database(migrated_postgresql_url)
        with closing(other), ThreadPoolExecutor(1) as pool:
            with other.write() as connection:
                connection.execute(text("SELECT 1 FROM sweep_range FOR UPDATE"))
                tick = pool.submit(world.tick, 4)
                wait_until_it_waits(world)
                assert world.rows("SELECT count(*) FROM action WHERE playbook = 'branch'") == [(0,)]
            assert tick.result(60).transitions == 2 * (USERS - 14)
        assert world.rows("SELECT step FROM action WHERE playbook = 'branch'") == [("gift",)]
