"""The commands with which people intervene. They go by the clock on the wall."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deliveries import NOON, Deliveries
from tests.maison import WELCOME
from tests.world import World

FOREVER = NOON * 10


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Maison with two playbooks, applied."""
    made = World(tmp_path / "maison", database_url, {"playbooks/welcome.toml": WELCOME})
    yield made.open()
    made.close()


def done(world: World, *words: str) -> Any:
    """What a command prints with ``--json``."""
    return json.loads(world.command(*words, "--json").stdout)


def said(world: World, *words: str) -> str:
    result = world.command(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_playbook_is_paused_and_resumed(shop: World) -> None:
    assert "Playbook welcome would be paused; no messages wait." in said(
        shop, "pause", "playbook", "welcome", "--dry-run"
    )
    assert shop.rows("SELECT * FROM pause") == []
    told = said(shop, "pause", "playbook", "welcome", "--who", "ann", "--reason", "wrong coupon")
    assert told.startswith("Playbook welcome is paused; no messages wait. `habitue resume playbook welcome`")
    again = said(shop, "pause", "playbook", "welcome", "--who", "bob")
    assert "was paused since" in again
    assert "by ann (wrong coupon)" in again
    assert "would go on" in said(shop, "resume", "playbook", "welcome", "--dry-run")
    assert len(shop.rows("SELECT * FROM pause")) == 1
    assert "Playbook welcome goes on; it was paused since" in said(shop, "resume", "playbook", "welcome")
    assert shop.rows("SELECT * FROM pause") == []


def test_everything_is_paused_without_a_name(shop: World) -> None:
    report = done(shop, "pause", "everything", "--reason", "  ")
    assert (report["subject"], report["paused"], report["new"]) == ("everything", True, True)
    assert report["pause"]["why"] is None
    assert report["waiting"] == {"messages": 0, "more": False, "expired": 0, "next_expires": None}
    assert done(shop, "pause", "channel", "email")["new"]
    assert done(shop, "resume", "everything")["still_paused"] == ["channel email"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("pause", "playbook", "welcom"), "no such playbook: `welcom`; did you mean `welcome`?"),
        (("pause", "channel", "e-mail"), "no such channel: `e-mail`; did you mean `email`?"),
        (("pause", "class", "news"), "no such class: `news`; known: `marketing`, `service`, `transactional`"),
        (("pause", "adapter", "smpt"), "no such adapter: `smpt`; known: `capture`"),
        (("pause", "playbook"), "which playbook? name one of"),
        (("pause", "everything", "now"), "`everything` needs no name, but `now` was given"),
        (("resume", "playbook", "welcome"), "playbook welcome is not paused; nothing is paused"),
        (("cancel", "playbook", "welcom"), "no such playbook: `welcom`; did you mean `welcome`?"),
        (("cancel", "playbook", "welcome", "winback"), "cancel one playbook at a time, not welcome, winback"),
        (("cancel", "action"), "which actions? Give their numbers"),
        (("cancel", "action", "12a"), "`12a` is not the number of an action"),
        (("cancel", "action", "12"), "no such action: 12"),
        (("undo", "7"), "no such intervention: 7; `habitue interventions` lists them"),
    ],
)
def test_what_does_not_exist_is_said(shop: World, words: tuple[str, ...], sentence: str) -> None:
    ended = shop.program(*words)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert shop.rows("SELECT * FROM intervention") == []


def test_a_playbook_whose_file_is_gone_can_still_be_stopped(shop: World) -> None:
    shop.remove("playbooks/welcome.toml")
    shop.tick(1)
    assert done(shop, "pause", "playbook", "welcome")["new"]
    assert "nothing waits to be sent" in said(shop, "cancel", "playbook", "welcome")


def test_files_with_errors_do_not_keep_anybody_from_pausing(shop: World) -> None:
    shop.write("playbooks/welcome.toml", "[playbook")
    assert done(shop, "pause", "playbook", "welcome")["new"]


def test_cancelled_messages_come_back(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(3, expires_at=FOREVER)
    would = said(world, "cancel", "channel", "email", "--dry-run")
    assert "Of channel email, 3 messages would be cancelled." in would
    assert world.states() == {"queued:due": 3}
    told = said(world, "cancel", "channel", "email", "--who", "ann", "--reason", "sent twice")
    assert "Of channel email, cancelled: 3 messages. `habitue undo 1` brings them back." in told
    assert "3 rows would be brought back" in said(world, "undo", "1", "--dry-run")
    assert world.states() == {"cancelled:cancelled_by_hand": 3}
    assert "Of `cancel channel email`, 3 rows were brought back." in said(world, "undo", "1", "--who", "bob")
    assert world.states() == {"queued:due": 3}
    report = done(world, "interventions")
    assert [
        (one["id"], one["who"], one["command"], one["count"], one["undoes"], one["undone_by"]) for one in report
    ] == [
        (2, "bob", "undo", 3, 1, None),
        (1, "ann", "cancel", 3, None, 2),
    ]
    shown = said(world, "interventions")
    assert "cancel channel email" in shown
    assert "(undone by 2)" in shown


def test_messages_that_are_being_sent_are_said(world: Deliveries) -> None:
    world.users(2)
    world.due_actions(2)
    world.execute("UPDATE action SET state = 'handed_off', lease_until = :until WHERE id = 1", until=FOREVER)
    would = world.command("cancel", "action", "1", "2", "--dry-run")
    assert would.exit_code == 0
    assert "1 message being sent may be sent nevertheless" in would.stdout
    result = world.command("cancel", "action", "1", "2")
    assert result.exit_code == 1
    assert "cancelled: 1 message." in result.stdout
    assert "1 message being sent could not be called off." in result.stdout


def test_nobody_has_intervened_yet(world: Deliveries) -> None:
    assert "Nobody has intervened yet." in said(world, "interventions")
    assert done(world, "interventions") == []
