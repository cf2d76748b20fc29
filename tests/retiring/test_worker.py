"""The trial of a deleted campaign with running workers: two of them, in the middle of its delivery."""

from collections import Counter
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest

from tests.conftest import POSTGRESQL_IN_BULK
from tests.processes import QUICK, just_now, migrate, people, quick, running
from tests.worker.test_run import accepted, mails
from tests.world import World

PATH = "playbooks/welcome.toml"
CAMPAIGN = QUICK[PATH]
PEOPLE = 600
OPEN = "SELECT count(*) FROM action WHERE playbook = 'welcome' AND state IN ('queued', 'claimed', 'handed_off', 'retrying')"
HELD = "SELECT held_at FROM pause WHERE name = 'welcome' AND origin = 'retired'"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = quick(tmp_path / "maison", database_url)
    migrate(world)
    yield world
    world.close()


@pytest.mark.parametrize("database_url", POSTGRESQL_IN_BULK, indirect=True)
def test_a_campaign_is_deleted_while_it_is_being_sent_and_comes_back(world: World) -> None:
    assert CAMPAIGN is not None
    world.configure(
        channels={"email": {"in_flight": 1}}, delivery={"batch": 4}
    )  # slow enough for a tick to come before it is over
    people(world, PEOPLE, just_now())
    with running(world) as one, running(world) as other:
        one.until(lambda: accepted(world, "hello", 20), "the campaign has begun")
        world.remove(PATH)
        one.until(lambda: world.rows(HELD) not in ([], [(None,)]), "all of it is held")
        assert world.rows(OPEN) == [(0,)]
        [(sent,)] = world.rows("SELECT count(*) FROM action WHERE playbook = 'welcome' AND state = 'accepted'")
        assert 20 <= sent <= len(mails(world))
        ticks = len(world.rows("SELECT 1 FROM tick"))
        one.until(lambda: len(world.rows("SELECT 1 FROM tick")) > ticks + 3, "some ticks pass")
        states = world.rows("SELECT state, count(*) FROM action WHERE playbook = 'welcome' GROUP BY state ORDER BY 1")
        assert dict(states)["accepted"] == sent
        assert set(dict(states)) == {"accepted", "held"}
        world.write(PATH, CAMPAIGN)
        one.until(
            lambda: accepted(world, "hello", PEOPLE) and accepted(world, "gift", PEOPLE), "it has gone on to its end"
        )
        assert (one.stop(), other.stop()) == (0, 0), one.said() + other.said()
    received = Counter((mail["To"], mail["Subject"]) for mail in map(message_from_string, mails(world)))
    assert max(received.values()) == 1
    assert Counter(subject for _, subject in received)["Hello"] == PEOPLE
    assert world.rows("SELECT * FROM pause") == []
