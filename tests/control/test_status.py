"""What ``habitue status`` says of what is paused."""

import json

from engine.clock import DAY
from tests.control.hands import ANN, cancels, pauses, playbook, resumes
from tests.deliveries import NOON, Deliveries

FOREVER = NOON * 10


def test_what_is_paused_needs_attention_and_says_how_to_end_it(world: Deliveries) -> None:
    world.users(3)
    world.due_actions(1, expires_at=NOON + DAY)
    world.due_actions(2, first=2, expires_at=FOREVER)
    pauses(world, playbook())
    result = world.command("status")
    said = " ".join(result.stdout.split())
    assert result.exit_code == 1
    assert (
        "! playbook winback: paused since 2026-09-22T12:00:00Z by ann (wrong coupon); 3 messages wait, 1 of them"
        in said
    )
    assert "`habitue resume playbook winback` lets it go on" in said
    [report] = json.loads(world.command("status", "--json").stdout)["pauses"]
    assert (report["scope"], report["name"], report["who"], report["why"]) == ("playbook", "winback", "ann", ANN.why)
    assert (report["waiting"]["messages"], report["waiting"]["expired"]) == (3, 1)
    resumes(world, playbook())
    assert "is paused" not in world.command("status").stdout
    assert json.loads(world.command("status", "--json").stdout)["pauses"] == []


def test_a_cancellation_at_work_is_said(world: Deliveries) -> None:
    def look(_: int) -> None:
        said.append(" ".join(world.command("status").stdout.split()))

    said: list[str] = []
    world.users(1)
    world.due_actions(1)
    cancels(world, playbook(), watch=look)
    assert "until what waits is cancelled" in said[0]
    assert "if the cancellation was interrupted, give it again" in said[0]
