"""Due users go before a sweep, and whatever asks conditions comes after it; what is pending stays pending."""

from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text

from tests.sweeps.shop import BRANCH, EDITED, USERS, edit, keys, moved, shop
from tests.world import World, day


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
