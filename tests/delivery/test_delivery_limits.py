"""What one customer's values or one template take in time and memory is that message's fault, and nobody else's."""

import asyncio
from collections.abc import Iterator

import pytest

from engine.channels import CHANNELS
from engine.channels.base import blocks_of
from engine.clock import DAY
from engine.composing.jobs import Limits
from engine.composing.processes import Processes
from engine.messages.templates import TemplateLibrary
from tests.composing.hostile import ENDLESS, email
from tests.deliveries import NOON, Deliveries
from tests.provider import Provider

LIMITS = Limits(seconds=0.3, octets=512 << 20)
TEMPLATES = {
    "winback/offer.email.j2": email(
        "{% if event and event.category == 'endless' %}"
        + ENDLESS["nested range joins"]
        + "{% elif event %}{{ event.category | int }}{% endif %}"
    ),
    "winback/endless.email.j2": email(ENDLESS["doubled lists compared"]),
}
LIBRARY = TemplateLibrary(TEMPLATES, blocks_of(CHANNELS))


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes(1, LIMITS)
    yield made
    made.close()


def events(world: Deliveries, **categories: str) -> None:
    """Give these users an event with a category, which their messages are about."""
    for user, category in categories.items():
        world.event(user, "order_completed", 0, category=category)
        [(event,)] = world.rows(
            "SELECT e.id FROM event AS e JOIN users AS u ON u.id = e.user_id WHERE u.key = :u", u=user
        )
        world.enrol(int(user[1:]), event_id=event)


def aside(world: Deliveries) -> list[tuple[int, str, str]]:
    return [
        (row_id, reason, detail)
        for row_id, reason, detail in world.rows("SELECT row_id, reason, detail FROM quarantine ORDER BY row_id")
    ]


def test_a_value_that_is_no_number_one_can_write_out_holds_up_nobody(world: Deliveries, processes: Processes) -> None:
    world.users(20)
    world.due_actions(20)
    events(world, u3="1e99999999", u7="12")
    provider = Provider()
    world.drain(provider, library=LIBRARY, composers=processes)
    assert len(provider.sent) == 19
    place = "winback/offer.email.j2:2"
    assert aside(world) == [(3, "render_failed", f"{place}: takes a number of at most 18 digits")]
    assert world.history(3) == ["queued", "claimed", "deferred"]


def test_values_at_which_a_template_works_for_ever_hold_up_nobody(world: Deliveries, processes: Processes) -> None:
    world.users(20)
    world.due_actions(20)
    events(world, u3="endless", u7="12", u15="endless")
    provider = Provider()
    delivery = world.delivery(provider, library=LIBRARY, composers=processes)
    asyncio.run(delivery.drain())
    assert len(provider.sent) == 18
    assert delivery.alarms == ()
    why = "winback/offer.email.j2:2: takes more than 0.3 s of computing time"
    assert aside(world) == [(3, "render_limit", why), (15, "render_limit", why)]
    assert world.history(3) == ["queued", "claimed", "deferred"]
    assert dict(world.rows("SELECT state, sum(tries) FROM action GROUP BY state")) == {"accepted": 18, "deferred": 0}


def test_a_template_that_works_for_ever_is_stopped_and_its_messages_wait(
    world: Deliveries, processes: Processes
) -> None:
    world.users(200)
    world.due_actions(100, template="winback/endless")
    world.due_actions(100, first=101)
    provider = Provider()
    delivery = world.delivery(provider, library=LIBRARY, composers=processes)
    asyncio.run(delivery.drain())
    assert world.states() == {"queued:code_at_fault": 100, "accepted:accepted": 100}
    assert aside(world) == []
    [alarm] = delivery.alarms
    assert alarm.subject == "template `winback/endless` has stopped"
    assert alarm.detail == "winback/endless.email.j2:2: takes more than 0.3 s of computing time"
    mended = TemplateLibrary({"winback/endless.email.j2": email("<p>Mended</p>")}, blocks_of(CHANNELS))
    delivery.replace_content(mended, world.catalog)
    world.at(NOON + DAY)
    asyncio.run(delivery.drain())
    assert len(provider.sent) == 200
    assert delivery.alarms == ()


def test_when_nothing_can_be_composed_messages_wait(world: Deliveries, processes: Processes) -> None:
    world.users(20)
    world.due_actions(20)
    starved = Processes(1, Limits(seconds=1, octets=1 << 20))
    provider = Provider()
    delivery = world.delivery(provider, library=LIBRARY, composers=starved)
    asyncio.run(delivery.drain())
    starved.close()
    assert provider.sent == []
    assert set(world.rows("SELECT state, reason, tries FROM action")) == {("queued", "code_at_fault", 0)}
    assert aside(world) == []
    [alarm] = delivery.alarms
    assert alarm.subject == "sending by email has stopped"
    assert "the process that composes messages ended before the first one" in alarm.detail
    world.at(NOON + DAY)
    world.drain(provider, library=LIBRARY, composers=processes)
    assert len(provider.sent) == 20
