"""A shop whose customers have bought for 10, 20, ... and were evaluated; edits of its rules; and what a tick leaves."""

from functools import cached_property
from pathlib import Path
from typing import Any

from engine.app import App
from tests.maison import VALUE, email
from tests.world import World, day

USERS, CHUNK = 40, 5
EDITED = VALUE.replace("spend >= 500 and orders >= 3", "spend >= 150")
HELLO = {"templates/steps/hello.email.j2": email("Hello", "Hello")}
RESULTS = {
    "states": "SELECT * FROM user_state ORDER BY user_id",
    "due": "SELECT user_id, due_at, cause FROM user_due ORDER BY user_id",
    "dates": "SELECT fact, user_id, month_day, year FROM user_date ORDER BY 1, 2",
    "transitions": "SELECT user_id, dimension, from_place, to_place, at, cause, rule FROM transition ORDER BY 1, 2, at, 4",
    "enrolments": "SELECT user_id, playbook, trigger_at, state, step, due_at, reason FROM enrolment ORDER BY 1, 2, 3",
    "actions": "SELECT user_id, playbook, step, state, reason, due_at FROM action ORDER BY 1, 2, 3",
    "open sweeps": "SELECT * FROM sweep WHERE finished_at IS NULL",
    "ranges": "SELECT * FROM sweep_range",
    "news": "SELECT * FROM user_news",
    "quarantine": "SELECT * FROM quarantine",
}


class Shop(World):
    """A world in which a chunk is five users; settings allow no fewer than a hundred."""

    threads = 1
    """That work on a sweep. With one, whoever dies at a commit has done just what came before."""

    @cached_property
    def app(self) -> App:
        made = super().app
        schedule = made.settings.schedule.model_copy(update={"chunk": CHUNK, "sweep_threads": self.threads})
        made.settings = made.settings.model_copy(update={"schedule": schedule})
        return made


class BusyShop(Shop):
    """The same, with several threads."""

    threads = 3


def shop(
    folder: Path, url: str, files: dict[str, str | None] | None = None, users: int = USERS, kind: type[Shop] = Shop
) -> World:
    """Customers u01, u02, ... who have bought for 10, 20, ... and were evaluated."""
    world = kind(folder, url, {**HELLO, **(files or {})}).open()
    for number in range(1, users + 1):
        world.user(f"u{number:02}", birthday="1990-03-01")
        world.order(f"u{number:02}", 0.5, 1_000 * number)
    for at in (1, 1.5):
        world.tick(at)
    return world


def edit(world: World, path: str = "rules/value.toml", content: str = EDITED) -> None:
    world.write(path, content)
    world.app.migrate(world.content())


def results(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {name: world.rows(query) for name, query in RESULTS.items()}


def moved(world: World, since: float) -> dict[str, list[str]]:
    """Place -> who moved there from a day on."""
    rows = world.rows(
        "SELECT t.to_place, u.key FROM transition t JOIN users u ON u.id = t.user_id WHERE at >= :since ORDER BY u.key",
        since=day(since),
    )
    return {
        place: [key for to_place, key in rows if to_place == place] for place in dict.fromkeys(row[0] for row in rows)
    }


def keys(first: int, last: int) -> list[str]:
    return [f"u{number:02}" for number in range(first, last + 1)]


class Died(Exception):
    """The worker died here."""


BRANCH = """
[playbook]
name = "branch"
class = "service"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
wait = "2d"

[[step]]
branch = [{ when = "value = 'high'", to = "gift" }]
otherwise = "note"

[[step]]
id = "gift"
send = ["email"]
template = "steps/hello"

[[step]]
exit = "done"

[[step]]
id = "note"
send = ["email"]
template = "steps/hello"
"""
