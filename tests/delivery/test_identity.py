"""A message has the same key and Message-ID when it is made anew, after its rows were lost and came back otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.delivery.identity import message_key
from tests import maison
from tests.world import World

EVERY_KIND = {
    "playbooks/winback.toml": maison.WINBACK.replace("value = 'high'", "value in ('high', 'low')"),
    "playbooks/loyal.toml": maison.WINBACK.replace("winback", "loyal", 1)
    .replace('enter = { lifecycle = "at_risk" }', "when = \"orders >= 2 and lifecycle = 'active'\"")
    .replace("value = 'high'", "orders >= 1")
    .replace('\n[exit]\nevent = "order_completed"\n', ""),
}
"""Besides those by an event and by a date: playbooks by a transition and by a condition."""
HEADERS = ("To", "Subject", "Message-ID", "X-Habitue-Action")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    made = World(tmp_path / "maison", database_url, EVERY_KIND).open()
    made.codes("A", "B", "C", "D", "E", "F", "G", "H")
    yield made
    made.close()


def live(world: World, *keys: str, late: float) -> set[tuple[str, ...]]:
    """Live through 70 days with these users; return recipient, subject, Message-ID and key of what arrived."""
    for key in keys:
        world.user(key, birthday="1990-01-05")
    for key in reversed(keys):
        world.event(key, "signed_up", 1)
        world.order(key, 2)
        world.order(key, 2.5)
    for at in (1.5, 3, 5.5, 70):
        world.tick(at + late, deliver=True)
    found = {tuple(str(one[name]) for name in HEADERS) for one in world.mail()}
    assert len(found) == len(world.rows("SELECT id FROM action WHERE state = 'accepted'"))
    for file in world.mailbox.rglob("*.eml"):
        file.unlink()
    return found


def forget(world: World, *, installation: bool = False) -> None:
    """Lose all that was lived, as a disk does that had synced none of it; row ids go on elsewhere."""
    with world.app.database.write() as connection:
        for table in ("action", "action_event", "action_content", "enrolment", "transition", "event", "users", "slot",
                      "user_state", "user_due", "user_news", "user_date", "tick", "profile_change", "reached_address"):  # fmt: skip
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("UPDATE coupon_code SET enrolment_id = NULL, user_id = NULL, claimed_at = NULL"))
        if installation:
            connection.execute(text("DELETE FROM secret WHERE name = 'store'"))
    world.close()


def test_what_is_made_anew_after_lost_transactions_is_the_same_message(world: World) -> None:
    first = live(world, "ann", "bob", late=0)
    assert {playbook for (playbook,) in world.rows("SELECT DISTINCT playbook FROM action")} == {
        "welcome", "thanks", "winback", "birthday", "loyal",
    }  # fmt: skip
    ids = world.rows("SELECT id, created_at FROM action ORDER BY id")
    forget(world)
    again = live(world, "zoe", "bob", "ann", late=0.01)
    assert world.rows("SELECT id, created_at FROM action ORDER BY id") != ids
    assert first < again
    assert len({key for *_, key in again}) == len(again) == len(first) * 3 // 2, "each message has its own"


def test_a_database_that_is_created_anew_repeats_no_message_id(world: World) -> None:
    first = live(world, "ann", late=0)
    forget(world, installation=True)
    again = live(world, "ann", late=0)
    assert {one[:2] for one in again} == {one[:2] for one in first}
    assert {part for one in again for part in one[2:]}.isdisjoint(part for one in first for part in one[2:])


def test_the_parts_of_a_key_do_not_run_into_each_other() -> None:
    parts = [("a", "bc"), ("ab", "c"), ("abc",), ("abc", ""), ("a", "b", "c"), ("1:a", "bc"), ("ä", "\udc80")]
    assert len({message_key("x", *one) for one in parts} | {message_key("y", "abc")}) == len(parts) + 1
