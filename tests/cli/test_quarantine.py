"""``habitue admin quarantine`` and what ``habitue status`` says of rows and of mistakes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.delivery.gates.base import Gate, Verdict
from engine.kinds import Kinds
from tests.maison import email
from tests.world import World

STRICT = {"templates/welcome/hello.email.j2": email("Hello", "Hello {{ facts.first_name }}")}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "brand", database_url, STRICT).open()
    for key, name in (("ann", "Ann"), ("bob", None), ("cy", "Cy")):
        world.user(key, first_name=name)
        world.event(key, "signed_up", 0)
    world.tick(0, deliver=True)
    yield world
    world.close()


def test_a_row_is_listed_and_tried_again_on_demand(world: World) -> None:
    assert world.states() == {"accepted:accepted": 2, "deferred:render_failed": 1}
    [(action,)] = world.rows("SELECT id FROM action WHERE state = 'deferred'")
    shown = world.command("status")
    assert shown.exit_code == 1
    assert "quarantine: 1 action could not be processed" in shown.stdout
    [row] = json.loads(world.command("admin", "quarantine", "--json").stdout)
    assert (row["kind"], row["row_id"], row["stage"], row["reason"]) == ("action", action, "compose", "render_failed")
    assert row["detail"].startswith("welcome/hello.email.j2:1: ")
    world.user("bob", first_name="Bob")
    world.tick(0, deliver=True)
    assert world.states()["deferred:render_failed"] == 1, "not before its time"
    done = world.command("admin", "quarantine", "--retry", f"action:{action}")
    assert "1 rows are due now" in done.stdout
    assert world.states()["queued:retried_by_hand"] == 1
    with world.app.database.write() as connection:  # the command goes by the clock on the wall
        connection.execute(text("UPDATE action SET due_at = 0 WHERE id = :action"), {"action": action})
    world.deliver()
    assert world.states() == {"accepted:accepted": 3}
    assert "Nothing is in quarantine" in world.command("admin", "quarantine").stdout
    states = [
        state for (state,) in world.rows("SELECT state FROM action_event WHERE action_id = :a ORDER BY id", a=action)
    ]
    assert states == ["queued", "claimed", "deferred", "queued", "claimed", "handed_off", "accepted"]


@pytest.mark.parametrize("row", ["bob", "action:", "animal:7"])
def test_what_names_no_row_is_said(world: World, row: str) -> None:
    done = world.command("admin", "quarantine", row)
    assert "is not a row: write it like `user:12`" in str(done.exception)


def test_status_says_that_a_bug_holds_messages_up(world: World) -> None:
    def mistaken(*_: object) -> Verdict:
        raise KeyError("x")

    world.close()
    world.kinds += Kinds(gates=(Gate("mistaken", mistaken, ()),))
    for key in ("dan", "eve"):
        world.user(key, first_name=key)
        world.event(key, "signed_up", 1)
    world.tick(1, deliver=True)
    assert world.states()["queued:code_at_fault"] == 3
    shown = world.command("status")
    assert "3 messages went back to the queue because of a bug" in shown.stdout.replace("\n", " ")
    logged = world.command("log", "--reason", "code_at_fault", "--json").stdout
    assert "KeyError at test_quarantine.py:" in logged
