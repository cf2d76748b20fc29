"""Every transition has its cause, and an edit or a calibration does not count as behaviour."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.facts.calibrate import calibrate
from engine.intake.write.events import write_events
from engine.store.due import Cause
from engine.store.news import add_news, fold_news, newest_news
from tests.maison import FACTS, LIFECYCLE, VALUE
from tests.world import World, day

SCORES = FACTS + '\n[facts.rank]\nquantile = "spend"\nbuckets = 2\n'
BEST = """
[dimension]
name = "best"
kind = "tiers"

[[tier]]
name = "upper"
when = "rank = 2"

[[tier]]
name = "lower"
"""
EDITED = VALUE.replace("spend >= 500 and orders >= 3", "spend >= 15")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path, database_url).open()
    yield made
    made.close()


def causes(world: World, since: float = 0) -> dict[str, str]:
    """``dimension:to`` -> cause of the transitions from a day on."""
    rows = world.rows(
        "SELECT dimension, coalesce(to_place, '-' || from_place), cause FROM transition WHERE at >= :since ORDER BY id",
        since=day(since),
    )
    return {f"{dimension}:{place}": cause for dimension, place, cause in rows}


def edit(world: World, path: str, content: str) -> None:
    world.write(path, content)
    world.app.migrate(world.content())


def settled(world: World) -> None:
    """Ann is known, has bought once, and nothing is pending."""
    world.user("ann", 0)
    world.order("ann", 1, 2_000)
    world.tick(1)
    world.tick(1.5)


def test_who_is_new_and_who_does_something_moves_by_behaviour(world: World) -> None:
    settled(world)
    assert causes(world) == {
        "value:low": "behaviour",
        "lifecycle:active": "behaviour",
    }
    world.order("ann", 2, 90_000, category="beauty")
    world.tick(2)
    assert causes(world, 2) == {"needs:beauty": "behaviour"}


def test_what_the_calendar_brings_is_time(world: World) -> None:
    settled(world)
    world.tick(63)
    assert causes(world, 2) == {"lifecycle:at_risk": "time"}
    assert world.rows("SELECT cause FROM user_due") == [(None,)]


def test_an_edit_of_the_rules_is_no_behaviour(world: World) -> None:
    settled(world)
    edit(world, "rules/value.toml", EDITED)
    world.tick(3)
    assert causes(world, 2) == {"value:high": "rules", "needs:vip": "rules"}


def test_the_next_hop_has_the_cause_of_the_first(world: World) -> None:
    """Stages move one hop a tick: an edit that moves a user twice congratulates neither time."""
    settled(world)
    hops = '[[transition]]\nfrom = ["active"]\nto = "{}"\nwhen = "orders = 1"\n[[transition]]\nfrom = ["{}"]\nto = "best"\nwhen = "orders >= 1"\n'
    edit(world, "rules/lifecycle.toml", f"{LIFECYCLE}\n{hops.format('better', 'better')}")
    world.tick(3)
    world.tick(3.01)
    assert causes(world, 2) == {"lifecycle:better": "rules", "lifecycle:best": "rules"}


def test_after_the_edit_behaviour_is_behaviour_again(world: World) -> None:
    settled(world)
    edit(world, "rules/value.toml", EDITED)
    world.tick(3)
    world.order("ann", 4, 100, category="beauty")
    world.tick(4)
    assert causes(world, 4) == {"needs:beauty": "behaviour"}


@pytest.mark.parametrize("first", ["order", "edit"])
def test_a_purchase_in_the_hour_of_an_edit_is_answered_whichever_comes_first(world: World, first: str) -> None:
    settled(world)
    world.user("bob", 0)
    world.order("bob", 1, 2_000)
    world.tick(2)
    if first == "order":
        world.order("ann", 2.5, 90_000)
    edit(world, "rules/value.toml", EDITED)
    world.app.apply(world.content(), day(2.6))
    if first == "edit":
        world.order("ann", 2.9, 90_000)
    world.tick(3)
    found = world.rows(
        "SELECT u.key, t.cause FROM transition t JOIN users u ON u.id = t.user_id WHERE t.to_place = 'high' ORDER BY 1"
    )
    assert found == [("ann", "behaviour"), ("bob", "rules")]


def test_who_is_new_when_the_rules_change_is_new(world: World) -> None:
    world.user("ann", 0)
    edit(world, "rules/value.toml", EDITED)
    world.tick(1)
    assert set(causes(world).values()) == {"behaviour"}


def test_what_an_edit_does_to_those_who_are_also_due_by_the_calendar_was_not_brought_about_by_time(
    world: World,
) -> None:
    settled(world)
    [(due_at,)] = world.rows("SELECT due_at FROM user_due")
    assert due_at < day(63)
    edit(world, "rules/value.toml", EDITED)
    world.tick(63)
    assert causes(world, 2) == {"value:high": "rules", "needs:vip": "rules", "lifecycle:at_risk": "rules"}


def test_a_calibration_has_moved_those_whose_score_it_changed_and_not_all_who_are_due(
    tmp_path: Path, database_url: str
) -> None:
    world = World(tmp_path, database_url, {"rules/facts.toml": SCORES, "rules/best.toml": BEST}).open()
    for number, key in enumerate(("ann", "bob", "cy", "dee"), start=1):
        world.user(key, 0)
        world.order(key, 1, number * 1_000)
    world.tick(1)
    world.execute("UPDATE user_state SET fact_rank = 3 - fact_rank WHERE user_id > 1")  # as by cut points of long ago
    with world.app.database.write() as connection:
        content = world.content()
        calibrate(connection, content.catalog, content.version, day(62))
    world.tick(63)
    moved = world.rows(
        "SELECT u.key, t.cause FROM transition t JOIN users u ON u.id = t.user_id WHERE to_place = 'at_risk'"
    )
    assert dict(moved) == {"ann": "time", "bob": "scores", "cy": "scores", "dee": "scores"}
    world.close()


def test_who_is_in_quarantine_when_the_rules_change_moves_for_the_rules_later(world: World) -> None:
    settled(world)
    world.execute("UPDATE user_due SET due_at = :at", at=day(4))
    world.execute(
        "INSERT INTO quarantine (kind, row_id, stage, reason, detail, since, retry_at, tries)"
        " SELECT 'user', user_id, 'users', 'row_unreadable', '', due_at, due_at, 1 FROM user_due"
    )
    edit(world, "rules/value.toml", EDITED)
    world.tick(3)
    assert causes(world, 2) == {}
    world.tick(4)
    assert causes(world, 2) == {"value:high": "rules", "needs:vip": "rules"}
    assert world.rows("SELECT * FROM quarantine") == []


def test_an_event_that_comes_up_beside_an_edit_is_behaviour(world: World) -> None:
    settled(world)
    world.event("ann", "order_completed", 3, 90_000, category="beauty")
    world.user("ann", 0, city="Berlin")  # a look before the event, which takes all marks away
    world.tick(2)
    edit(world, "rules/value.toml", EDITED)
    world.tick(3.5)
    assert causes(world, 3) == {"value:high": "behaviour", "needs:beauty": "behaviour", "needs:vip": "behaviour"}


def test_a_calibration_is_no_behaviour(tmp_path: Path, database_url: str) -> None:
    """It happens within the tick in which twice as many have bought as when the scores were calibrated."""
    world = World(tmp_path, database_url, {"rules/facts.toml": SCORES, "rules/best.toml": BEST}).open()

    def buy(*keys: str, at: float, first: int) -> None:
        for number, key in enumerate(keys, first):
            world.user(key, 0)
            world.order(key, at, number * 1_000)

    buy("ann", "bob", "cy", "dee", at=1, first=1)
    world.tick(1)
    assert causes(world).items() >= {"best:lower": "behaviour", "best:upper": "behaviour"}.items()
    buy("eve", "fay", "gus", "hal", at=2, first=5)
    world.tick(2)
    moved = world.rows(
        "SELECT u.key, t.from_place, t.to_place, t.cause FROM transition AS t JOIN users AS u ON u.id = t.user_id"
        " WHERE t.dimension = 'best' AND t.at >= :at ORDER BY u.key",
        at=day(2),
    )
    fell = [(key, "upper", "lower", "scores") for key in ("cy", "dee")]
    assert moved == fell + [(key, None, "upper", "behaviour") for key in ("eve", "fay", "gus", "hal")]
    world.order("cy", 3, 90_000)
    world.tick(3)
    assert causes(world, 3)["best:upper"] == "behaviour"
    world.close()


def test_a_file_that_says_something_else_of_a_known_user_is_an_import(world: World) -> None:
    settled(world)
    world.user("ann", 0, is_vip=True)
    world.tick(2)
    assert causes(world, 2) == {"needs:vip": "import"}


def test_a_file_does_not_swallow_what_the_calendar_brought(world: World) -> None:
    settled(world)
    [(due_at,)] = world.rows("SELECT due_at FROM user_due")
    assert due_at < day(63)
    world.user("ann", 63, first_name="Ann")  # the nightly export, before the nightly tick
    world.tick(63)
    assert causes(world, 2) == {"lifecycle:at_risk": "time"}


def test_history_is_imported_and_what_happened_lately_is_behaviour(world: World) -> None:
    settled(world)
    world.tick(50)
    world.event("ann", "review_posted", 49)
    assert world.rows("SELECT cause FROM user_news") == [("behaviour",)]
    world.tick(50.1)
    told_late(world, "ann", happened=10, told=51)
    world.tick(51)
    assert causes(world, 50.5) == {"value:high": "import", "needs:vip": "import"}


def told_late(world: World, key: str, happened: float, told: float) -> None:
    """Two large orders of the past come by file."""
    events = [(f"late-{n}", key, "order_completed", int(day(happened)) + n, 90_000, None) for n in range(2)]
    with world.app.database.write() as connection:
        write_events(connection, world.app.database.dialect, events, day(told))


def test_an_event_of_the_future_is_behaviour_when_it_happens(world: World) -> None:
    settled(world)
    world.order("ann", 5, 90_000, category="beauty")
    world.tick(2)
    assert causes(world, 2) == {}
    world.tick(5)
    assert set(causes(world, 5)) == {"needs:beauty"}


@pytest.mark.parametrize(
    ("pending", "cause", "kept"),
    [
        ("behaviour", Cause.IMPORT, "behaviour"),
        (None, Cause.BEHAVIOUR, "behaviour"),
        ("rules", Cause.BEHAVIOUR, "behaviour"),
        ("rules", Cause.IMPORT, "rules"),
        (None, Cause.IMPORT, None),
        ("import", Cause.MERGE, "merge"),
        ("person", Cause.IMPORT, "person"),
    ],
)
def test_the_stronger_cause_counts(world: World, pending: str | None, cause: Cause, kept: str | None) -> None:
    settled(world)
    world.execute("UPDATE user_due SET due_at = :at, cause = :cause", at=day(1), cause=pending)
    [(user,)] = world.rows("SELECT user_id FROM user_due")
    with world.app.database.write() as connection:
        add_news(connection, world.app.database.dialect, [user], cause)
        assert fold_news(connection, world.app.database.dialect, day(2), newest_news(connection)) == 1
    assert world.rows("SELECT due_at, cause FROM user_due") == [(0, kept)]
    assert world.rows("SELECT * FROM user_news") == []


def test_of_several_news_the_strongest_counts_in_any_order(world: World) -> None:
    settled(world)
    world.order("ann", 1.6, 100)
    world.user("ann", 2, city="Berlin")
    world.order("ann", 9, 100)
    [(user,)] = world.rows("SELECT user_id FROM user_due")
    with world.app.database.write() as connection:
        assert fold_news(connection, world.app.database.dialect, day(2), newest_news(connection)) == 3
    assert world.rows("SELECT user_id, due_at, cause FROM user_due") == [(user, 0, "behaviour")]


def test_explain_tells_the_cause_and_old_transitions_count_as_behaviour(world: World) -> None:
    settled(world)
    edit(world, "rules/value.toml", EDITED)
    world.tick(3)
    with world.app.database.write() as connection:
        connection.exec_driver_sql("UPDATE transition SET cause = NULL WHERE dimension = 'lifecycle'")
    told = {move.dimension: move.cause for move in world.explain("ann", 3).transitions}
    assert told == {"value": "rules", "lifecycle": "behaviour", "needs": "rules"}
    assert "cause: rules (the files were edited)" in world.command("explain", "ann").output
