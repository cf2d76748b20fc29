"""One user's value that the database cannot work on in a step or on an occasion: set aside, and the others go on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store.quarantine import A_FEW
from tests.maison import email
from tests.world import World

USERS = 40
BAD = "u7"
STEPS = """
[playbook]
name = "steps"
class = "marketing"
reentry = "once"
expires = "30d"
[trigger]
event = "signed_up"
[[step]]
wait = "1d"
# wait
[[step]]
id = "hello"
send = ["email"]
template = "steps/hello"
when = "birthday is null or days_since(birthday) >= 0"
"""
SCHEDULE = """
[playbook]
name = "letter"
class = "marketing"
reentry = "1d"
expires = "3d"
[trigger]
schedule = { cron = "0 12 * * *" }
[audience]
when = "birthday is null or days_since(birthday) >= 0"
[[step]]
id = "letter"
send = ["email"]
template = "steps/hello"
"""
EVENT = """
[playbook]
name = "event"
class = "marketing"
reentry = "always"
expires = "3d"
[trigger]
event = "review_posted"
[audience]
when = "birthday is null or days_since(birthday) >= 0"
[[step]]
id = "letter"
send = ["email"]
template = "steps/hello"
"""
LEFT_OUT = dict.fromkeys(
    (
        "playbooks/welcome.toml",
        "playbooks/thanks.toml",
        "playbooks/winback.toml",
        "playbooks/birthday.toml",
        "playbooks/coupons.toml",
        "templates/welcome/hello.email.j2",
        "templates/welcome/gift.email.j2",
        "templates/thanks/mail.email.j2",
        "templates/thanks/mail.email.zh-CN.j2",
        "templates/winback/offer.email.j2",
        "templates/birthday/wish.email.j2",
    )
)


@contextmanager
def brand(folder: Path, url: str, playbook: str) -> Iterator[World]:
    template = {"templates/steps/hello.email.j2": email("Hello", "Hello")}
    world = World(folder, url, {**LEFT_OUT, **template, "playbooks/one.toml": playbook}).open()
    for number in range(1, USERS + 1):
        world.user(f"u{number}")
        world.event(f"u{number}", "signed_up", 0)
    world.tick(0)
    yield world
    world.close()


def poison(world: World, *keys: str) -> None:
    """Store what no import of ours stores: SQLite takes text that is not UTF-8, PostgreSQL casts a date in the step."""
    listed = ", ".join(f"'{key}'" for key in keys)
    sqlite = f"UPDATE users SET timezone = CAST(x'ff80' AS TEXT) WHERE key IN ({listed})"
    postgres = (
        f"UPDATE user_state SET fact_birthday = 'soon' WHERE user_id IN (SELECT id FROM users WHERE key IN ({listed}))"
    )
    _execute(world, sqlite if world.url.startswith("sqlite") else postgres)


def mend(world: World) -> None:
    _execute(world, "UPDATE users SET timezone = 'UTC'")
    _execute(world, "UPDATE user_state SET fact_birthday = NULL")


def _execute(world: World, sql: str) -> None:
    with world.app.database.write() as connection:
        connection.exec_driver_sql(sql)


@pytest.fixture
def steps(database_url: str, tmp_path: Path) -> Iterator[World]:
    wait = "" if database_url.startswith("postgresql") else '[[step]]\nwait_until = "10:00"\n'
    with brand(tmp_path / "brand", database_url, STEPS.replace("# wait\n", wait)) as world:
        yield world


@pytest.fixture
def letters(migrated_postgresql_url: str, tmp_path: Path) -> Iterator[World]:
    """On PostgreSQL alone: SQLite finds nothing wrong with any value in an audience's condition."""
    with brand(tmp_path / "brand", migrated_postgresql_url, SCHEDULE) as world:
        yield world


def sent(world: World) -> set[str]:
    return {str(mail["To"]).removesuffix("@example.com") for mail in world.mail()}


def everybody() -> set[str]:
    return {f"u{number}" for number in range(1, USERS + 1)}


def test_an_enrolment_whose_step_fails_is_quarantined(steps: World) -> None:
    poison(steps, BAD)
    done = steps.tick(2)
    assert done.quarantined == 1
    [(kind, stage, reason, detail, tries)] = steps.rows("SELECT kind, stage, reason, detail, tries FROM quarantine")
    assert (kind, stage, reason, tries) == ("enrolment", "steps", "row_unreadable", 1)
    assert re.search(r" < passing.py:\d+", detail) or re.search(r"\w+.py:\d+", detail)
    assert "soon" not in detail
    [(user,)] = steps.rows("SELECT u.key FROM quarantine q JOIN enrolment n ON n.id = q.row_id "
                           "JOIN users u ON u.id = n.user_id")  # fmt: skip
    assert user == BAD
    steps.tick(3, deliver=True)
    assert sent(steps) == everybody() - {BAD}
    assert steps.rows("SELECT tries FROM quarantine") == [(2,)]
    mend(steps)
    steps.tick(4)
    steps.tick(6, deliver=True)
    assert sent(steps) == everybody()
    assert steps.rows("SELECT * FROM quarantine") == []


@pytest.mark.parametrize(("playbook", "at"), [(STEPS, 2), (SCHEDULE, 1), (EVENT, 1)])
def test_a_bad_value_stops_nobody_else_in_whatever_order_the_database_joins(
    migrated_postgresql_url: str, tmp_path: Path, playbook: str, at: int
) -> None:
    """A hash join reads a whole table, with everybody's values, for the few rows that it wants."""
    with brand(tmp_path / "brand", migrated_postgresql_url, playbook) as world:
        if playbook == EVENT:
            world.event("u1", "review_posted", 0.5)
        poison(world, BAD)
        [(name,)] = world.rows("SELECT current_database()")
        for way in ("nestloop", "indexscan", "bitmapscan", "indexonlyscan"):
            world.execute(f'ALTER DATABASE "{name}" SET enable_{way} = off')
        world.app.database.engine.dispose()  # settings of a database are those of new connections
        world.tick(at, deliver=True)
        wanted = {"u1"} if playbook == EVENT else everybody() - {BAD}
        assert sent(world) == wanted


def test_when_the_step_fails_for_one_enrolment_after_another_the_playbook_stops_and_says_where(steps: World) -> None:
    poison(steps, *(f"u{number}" for number in range(1, USERS + 1)))
    before = steps.rows("SELECT id, step, due_at FROM enrolment ORDER BY id")
    done = steps.tick(2)
    assert done.quarantined == 0
    assert steps.rows("SELECT * FROM quarantine") == []
    after = steps.rows("SELECT id, step, due_at FROM enrolment ORDER BY id")
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert all(due_at <= steps.clock.now() for _, _, due_at in after)
    [(error,)] = steps.rows("SELECT error FROM tick ORDER BY id DESC LIMIT 1")
    assert re.match(r"playbook `steps` has stopped since .*: code_at_fault \(\w+ at \w+.py:\d+ < ", error)
    mend(steps)
    steps.tick(4)
    steps.tick(6, deliver=True)
    assert sent(steps) == everybody()


def test_when_steps_of_several_playbooks_fail_the_tick_fails(steps: World) -> None:
    """Then no single playbook is at fault, and stopping them one by one would hide that."""
    one = (steps.folder / "playbooks/one.toml").read_text(encoding="utf-8")
    steps.write("playbooks/two.toml", one.replace('"steps"', '"more"'))
    steps.tick(0.1)
    for number in range(1, USERS + 1):
        steps.event(f"u{number}", "signed_up", 0.2)
    steps.tick(0.2)
    poison(steps, *(f"u{number}" for number in range(1, USERS + 1)))
    steps.execute("UPDATE enrolment SET due_at = user_id WHERE state = 'active'")
    with pytest.raises(Exception, match=r"."):
        steps.tick(3)
    assert steps.rows("SELECT * FROM quarantine") == []


def poison_held(world: World) -> None:
    """Make the database fail over the held messages when they are released: over a value that no import of ours stores."""
    if world.url.startswith("sqlite"):
        _execute(world, "UPDATE action SET coupon = CAST(x'ff80' AS TEXT) WHERE state = 'held'")
        return
    _execute(
        world,
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = '22003'; END $$",
    )
    _execute(
        world,
        "CREATE TRIGGER poison BEFORE UPDATE ON action FOR EACH ROW WHEN (OLD.state = 'held')"
        " EXECUTE FUNCTION poison()",
    )


def mend_held(world: World) -> None:
    if world.url.startswith("sqlite"):
        _execute(world, "UPDATE action SET coupon = 'GIFT' WHERE state = 'held'")
    else:
        _execute(world, "DROP TRIGGER poison ON action")


def test_no_playbook_stops_for_an_error_over_messages_that_wait_for_codes(steps: World) -> None:
    steps.write("playbooks/coupons.toml", '[coupons.GIFT]\nkind = "pool"\nvalid = "30d"\n')
    gift = STEPS.replace('name = "steps"', 'name = "gift"').replace('wait = "1d"', 'wait = "0s"')
    steps.write(
        "playbooks/gift.toml", gift.replace('template = "steps/hello"', 'template = "steps/hello"\ncoupon = "GIFT"')
    )
    steps.user("gina")
    steps.tick(0.1)
    steps.event("gina", "signed_up", 0.2)
    steps.tick(0.6)
    assert steps.states() == {"held:coupon_pool_empty": 1}
    steps.codes("ONE")
    poison_held(steps)
    before = steps.enrolments("playbook, state, step, due_at")
    with pytest.raises(Exception, match=r"."):
        steps.tick(2)
    assert steps.enrolments("playbook, state, step, due_at") == before
    assert steps.rows("SELECT * FROM quarantine") == []

    mend_held(steps)
    done = steps.tick(2 + 1 / 86_400, deliver=True)
    assert done.alarms == ()
    steps.tick(2.5, deliver=True)
    assert sent(steps) == everybody() | {"gina"}
    assert steps.rows("SELECT count(*) FROM coupon_code WHERE enrolment_id > 0") == [(1,)]


def test_a_user_who_cannot_be_enrolled_on_an_occasion_is_quarantined(letters: World) -> None:
    poison(letters, BAD)
    letters.tick(0.6)
    letters.tick(0.6, deliver=True)
    assert sent(letters) == everybody() - {BAD}
    assert letters.rows("SELECT kind, stage, reason FROM quarantine") == [("user", "occasions", "row_unreadable")]
    mend(letters)
    letters.tick(0.8, deliver=True)
    letters.tick(0.8, deliver=True)
    assert sent(letters) == everybody()
    assert letters.rows("SELECT * FROM quarantine") == []


def test_a_few_bad_users_on_an_occasion_are_quarantined_and_more_stop_the_playbook(letters: World) -> None:
    poison(letters, *(f"u{number}" for number in range(1, A_FEW + 2)))
    done = letters.tick(0.6)
    assert [alarm.subject for alarm in done.alarms] == ["enrolling in playbook `letter` has stopped"]
    assert letters.rows("SELECT * FROM quarantine") == []
    assert letters.rows("SELECT * FROM slot") == []
    mend(letters)
    letters.tick(0.7)
    letters.tick(0.7, deliver=True)
    assert sent(letters) == everybody()
