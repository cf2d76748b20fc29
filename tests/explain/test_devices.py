"""``explain`` shows a user's devices, and facts can read the token of the one seen last."""

import json

import pytest

from engine.clock import DAY
from engine.intake.write.suppressions import suppress_gone
from tests.maison import FILES
from tests.world import START, World

FACT = '\n[facts.token]\nattribute = "push_token"\ntype = "text"\n'


def test_devices_are_shown_the_last_first_and_masked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    world.clock.move_to(START + 9 * DAY)  # type: ignore[arg-type]
    world.user("ann", 0)
    world.device("ann", "tok-phone", "ios", at=1, locale="de")
    world.device("ann", "tok-tablet", "android", at=3)
    world.device("ben", "tok-other", "web", at=4)
    with world.app.database.write() as connection:
        suppress_gone(connection, "push", ["tok-phone"], "fcm", world.clock.now())
    explained = world.explain("ann", 9)
    assert [(one.platform, one.token, one.locale, one.suppressed) for one in explained.devices] == [
        ("android", "•••et", None, None),
        ("ios", "•••ne", "de", "address_gone"),
    ]
    assert explained.suppressed == ()
    assert explained.user.addresses["push"] == "•••et"
    shown = world.explain("ann", 9, show_addresses=True)
    assert [one.token for one in shown.devices] == ["tok-tablet", "tok-phone"]
    page = world.command("explain", "ann").output
    assert "Devices" in page
    assert "address_gone" in page
    assert "tok-" not in page
    assert json.loads(world.command("explain", "ann", "--json").output)["devices"][0]["token"] == "•••et"


def test_a_fact_reads_the_device_seen_last_and_follows_it(world: World) -> None:
    world.write("rules/facts.toml", (FILES["rules/facts.toml"] or "") + FACT)
    world.app.migrate(world.content())
    world.user("ann", 0)
    world.user("ben", 0)
    world.device("ann", "tok-1", at=0)
    world.tick(0)
    fact = "SELECT u.key, s.fact_token FROM user_state AS s JOIN users AS u ON u.id = s.user_id ORDER BY u.key"
    assert world.rows(fact) == [("ann", "tok-1"), ("ben", None)]
    world.clock.move_to(START + 2 * DAY)  # type: ignore[arg-type]
    world.device("ann", "tok-2", at=1)
    world.device("ben", "tok-1", at=1.5)
    world.tick(2)
    assert world.rows(fact) == [("ann", "tok-2"), ("ben", "tok-1")]
    assert [(one.name, one.shown) for one in world.explain("ann", 2).facts if one.name == "token"] == [
        ("token", "•••-2")
    ]
