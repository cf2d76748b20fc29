"""A worker dies at each commit of several ticks, just before it or just after; what is left in the end is the same.

Each run has one death, at another commit. Then either another process takes over or the same one tries again, as the
scheduler does after an error.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.app import App
from engine.clock import FixedClock, Instant
from engine.kinds import SHIPPED, Kinds
from engine.pipeline import Progress
from tests.conftest import POSTGRESQL_IN_BULK
from tests.faults.commits import TICKS, Died, Faults, Life, When, left_behind, postgresql_life, sqlite_life


@pytest.fixture(params=["sqlite", "postgresql"])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Life]:
    if request.param == "sqlite":
        yield sqlite_life(tmp_path)
        return
    url: str = request.getfixturevalue("postgresql_url")
    postgres: psycopg.Connection = request.getfixturevalue("postgres")
    with postgresql_life(tmp_path, url, postgres) as made:
        yield made


@dataclass
class Lived:
    """How a life went."""

    app: App
    done: list[Progress]
    commits: list[int]
    """Of each tick."""
    died: bool = False


def live(life: Life, faults: Faults, *, another: bool) -> Lived:
    """Live through all ticks on a fresh store; after a death ``another`` process takes over, or the same goes on."""
    url = life.copy()
    lived = Lived(life.app(url, TICKS[0], faults), [], [])
    for at in TICKS:
        faults.seen = 0
        try:
            lived.done.append(lived.app.tick(life.content, at))
        except Died:
            lived.died = True
            if another:
                lived.app.close()
                lived.app = life.app(url, at, faults)
            lived.done.append(lived.app.tick(life.content, at))
        lived.commits.append(faults.seen)
    return lived


@pytest.mark.parametrize("life", POSTGRESQL_IN_BULK, indirect=True)
def test_a_death_at_any_commit_changes_nothing_in_the_end(life: Life) -> None:
    undisturbed = live(life, Faults(), another=False)
    expected = left_behind(undisturbed.app)
    undisturbed.app.close()
    none = {"cut points", "news", "open sweeps", "ranges of sweeps"}
    assert all(expected[what] for what in expected.keys() - none)
    assert not any(expected[what] for what in none)
    playbooks = {name.split()[1] for name, *_ in expected["enrolments"]}
    assert playbooks == {"welcome", "thanks", "winback", "birthday", "digest"}
    assert {reason for *_, reason in expected["enrolments"]} >= {"completed", "gave_up", "exit_event"}
    assert min(undisturbed.commits) >= 6, "the beginning, the end, users, occasions and enrolments in each tick"
    assert sum(tick.enrolments for tick in undisturbed.done) == len(expected["enrolments"])
    for number in count(1):  # a slow machine makes more commits of the same work: how many is seen when nobody dies
        deaths = [_dies(life, number, when, another, expected) for when, another in _ways(number)]
        if not any(deaths):
            break
    assert number > min(undisturbed.commits), "there was a death at each commit"


def _dies(life: Life, number: int, when: When, another: bool, expected: dict[str, list[tuple[Any, ...]]]) -> bool:
    """Live with a death at that commit, compare what is left with what is expected, and return whether somebody died."""
    lived = live(life, Faults(number, when), another=another)
    found = left_behind(lived.app)
    lived.app.close()
    for what, rows in expected.items():
        assert found[what] == rows, f"{what} after a death {when} commit {number}, another process: {another}"
    return lived.died


def _ways(number: int) -> tuple[tuple[When, bool], ...]:
    """Both sides of each commit; who goes on alternates, so that each commit sees both over its two sides."""
    return (("before", number % 2 == 0), ("after", number % 2 == 1))


def test_nothing_is_done_again_when_a_tick_is_repeated(life: Life) -> None:
    app = live(life, Faults(), another=False).app
    before = left_behind(app)
    assert app.tick(life.content, TICKS[-1]) == Progress()
    assert app.tick(life.content, TICKS[0]) == Progress(lived_until=TICKS[-1])
    assert left_behind(app) == before
    app.close()


def kinds_with(*, repeatable: bool) -> Kinds:
    """Return the kinds that ship; second copies are recognised by ``capture``, or by nobody."""
    return replace(
        SHIPPED,
        adapters=tuple(replace(kind, repeatable=repeatable and kind.name == "capture") for kind in SHIPPED.adapters),
    )


@pytest.mark.parametrize("repeatable", [False, True], ids=["once", "copies are recognised"])
def test_a_death_at_any_commit_of_delivery_leaves_each_message_sent_once_or_visibly_unknown(
    life: Life, repeatable: bool
) -> None:
    """The mail is written into one file per key, so what was sent is counted by the log of hand-offs."""
    url = life.copy()
    clock, faults, kinds = FixedClock(TICKS[0]), Faults(), kinds_with(repeatable=repeatable)
    app = life.app(url, TICKS[0], faults)
    app.clock, app.kinds = clock, kinds
    deaths, number = 0, 0
    for at in TICKS:
        app.tick(life.content, at)
        clock.move_to(at)
        while True:  # each round dies one commit later than the last, until one comes to its end
            number += 1
            faults.at, faults.when, faults.seen = number, "before" if number % 2 else "after", 0
            try:
                app.deliver(life.content)
                break
            except Died:
                deaths += 1
            app.close()
            clock.move_to(Instant(clock.now() + app.settings.delivery.lease))
            app = life.app(url, at, faults)
            app.clock, app.kinds = clock, kinds
        number = faults.at = 0
    clock.move_to(Instant(clock.now() + app.settings.delivery.lease))
    app.deliver(life.content)
    found = left_behind(app)
    app.close()
    assert deaths > 3 * len(TICKS)
    states = Counter(row[10] for row in found["actions"])
    assert set(states) <= {"accepted", "unknown", "cancelled", "expired", "suppressed", "deferred"}
    assert states["accepted"] >= 1
    assert (states["unknown"] >= 1) is not repeatable
    handed = Counter(row[0] for row in found["log"] if row[2] == "handed_off")
    handed.subtract(row[0] for row in found["log"] if row[3] == "not_begun")
    assert (max(handed.values()) > 1) is repeatable, (
        "policy `hold`: what the adapter may have had is not handed off again"
    )
    files = list((Path(str(app.settings.adapters["capture"]["folder"]))).rglob("*.eml"))
    keys = {str(message_from_bytes(file.read_bytes())["X-Habitue-Action"]) for file in files}
    assert len(keys) == len(files)
    assert states["accepted"] <= len(files) <= handed.total()
