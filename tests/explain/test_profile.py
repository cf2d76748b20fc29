"""``explain`` shows a user's consents and the changes of their profile."""

import json

import pytest

from engine.explain.profile import RECENT
from tests.world import World


def test_consent_is_shown_with_its_history(world: World) -> None:
    for number, granted in enumerate([True, False, True]):
        world.user("ann", number, consents={"email": granted}, source=f"import:{number}.csv", consent_at=number + 1)
    [consent] = world.explain("ann", 3).consents
    assert (consent.channel, consent.message_class, consent.granted) == ("email", "marketing", True)
    assert [(change.at, change.granted, change.source) for change in consent.changes] == [
        (1, True, "import:0.csv"), (2, False, "import:1.csv"), (3, True, "import:2.csv"),
    ]  # fmt: skip
    page = world.command("explain", "ann").output
    assert [line.split()[-2:] for line in page.splitlines() if "marketing" in line] == [
        ["agreed", "import:0.csv"], ["refused", "import:1.csv"], ["agreed", "import:2.csv"],
    ]  # fmt: skip


def test_a_consent_older_than_the_history_is_shown_as_it_stands(world: World) -> None:
    world.user("ann", 0, consents={"sms": False}, source="import:users.csv")
    with world.app.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM profile_change")
    world.user("ann", 1, consents={"sms": True})
    [consent] = world.explain("ann", 2).consents
    assert [change.granted for change in consent.changes] == [False, True]


def test_changes_of_the_profile_are_shown_and_addresses_masked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    world.user("ann", 0, email="old@example.com", first_name="[b]A[/x]")
    world.user("ann", 1, email="new@example.com", first_name="Anna", tags=["a", "b"], source="import:second.csv")
    edits = world.explain("ann", 2).profile
    assert [(edit.field, edit.before, edit.after, edit.source) for edit in edits] == [
        ("email", "o•••@example.com", "n•••@example.com", "import:second.csv"),
        ("first_name", "[b]A[/x]", "Anna", "import:second.csv"),
        ("tags", None, '["a","b"]', "import:second.csv"),
    ]
    page = world.command("explain", "ann").output
    assert "[b]A[/x]" in page
    assert "old@example.com" not in page
    assert "old@example.com" in world.command("explain", "ann", "--show-addresses").output
    told = json.loads(world.command("explain", "ann", "--json").output)["profile"]
    assert told[1] == {
        "at": "2026-01-02T00:00:00Z", "field": "first_name", "before": "[b]A[/x]", "after": "Anna",
        "source": "import:second.csv", "person": None,
    }  # fmt: skip


def test_of_many_changes_the_newest_are_shown(world: World) -> None:
    for number in range(RECENT + 5):
        world.user("ann", number, points=number)
    edits = world.explain("ann", 100).profile
    assert (len(edits), edits[0].after, edits[-1].after) == (RECENT, 5, RECENT + 4)
