"""What the tests of checks share: a status as of a day, and what people are told."""

import io

from rich.console import Console

from engine.cli.status import show_status
from engine.explain.health_models import Attention, Status
from engine.explain.notices import Notice
from engine.status.reading import read_status
from engine.worker.upkeep import Heartbeat
from tests.docs.test_commands import named, unknown
from tests.world import World, day


def status(world: World, number: float) -> Status:
    world.clock.move_to(day(number))
    return read_status(world.app)


def found(world: World, number: float) -> list[str]:
    """Return the names of the checks that find something on that day."""
    return [one.check for one in status(world, number).attention]


def the_one(found: Status, check: str) -> Attention:
    """Return the one problem that there is, which must be of this check; and see that people are told what to do."""
    [problem] = found.attention
    assert problem.check == check
    page = printed(found)
    assert "Nothing needs attention" not in page
    assert problem.remedy.split("`")[0].strip() in page
    assert [what for words in named(problem.remedy) if (what := unknown(words))] == [], "its commands exist"
    return problem


def printed(found: Status) -> str:
    out = io.StringIO()
    show_status(Console(file=out, width=80), found, by_hand=False)
    return " ".join(out.getvalue().split())


def healthy(found: Status) -> None:
    assert found.attention == ()
    assert "Nothing needs attention." in printed(found)


def beat(world: World, name: str, number: float, *notices: Notice) -> Heartbeat:
    """Let a worker report on that day."""
    heart = Heartbeat(world.app.database, name)
    heart.beat(day(number), "v", notices)
    return heart
