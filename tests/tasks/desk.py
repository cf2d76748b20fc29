"""A brand whose VIPs are called after they complain: the playbook, the people, and what they are told."""

import json
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

from engine.control import tasks
from engine.control.interventions import Hand
from engine.tasks.notify import OwnersTold
from engine.tasks.rows import Task, TaskFilter, tasks_of
from tests.world import World, day

PLAYBOOK = """
[playbook]
name = "care"
class = "service"
expires = "7d"

[trigger]
event = "signed_up"

[[step]]
send = ["task"]
template = "care/call"
"""
TEMPLATE = (
    "{% block title %}Call {{ facts.first_name }}{% endblock %}"
    "{% block body %}Ask what went wrong.{% endblock %}{% block due %}2d{% endblock %}"
)
FILES = {
    "playbooks/welcome.toml": None,
    "playbooks/care.toml": PLAYBOOK,
    "templates/care/call.task.j2": TEMPLATE,
    "templates/welcome/hello.email.j2": None,
    "templates/welcome/gift.email.j2": None,
}
PEOPLE = {"vip-team": "vip@shop.example", "care": "care@shop.example", "head": "Head <head@shop.example>"}
TASKS: dict[str, Any] = {
    "owners": {"value=high": "vip-team", "default": "care"},
    "people": PEOPLE,
    "escalate_to": "head",
}


class Desk(World):
    """Users are ``ann`` with many orders and ``bo`` with none; a tick on day 1 gives each a task that is due on day 3."""

    @classmethod
    def create(cls, folder: Path, url: str, settings: Mapping[str, Any] = TASKS, **sections: Any) -> "Desk":
        made = cls(folder, url, FILES, {"tasks": dict(settings), **sections})
        made.open()
        made.user("ann", 0, first_name="Ann")
        made.user("bo", 0, first_name="Bo")
        for number in range(5):
            made.order("ann", 0.1 + number / 100, amount=1_000_000)
        made.tick(0.5)
        for key in ("ann", "bo"):
            made.event(key, "signed_up", 0.9)
        made.tick(1, deliver=True)
        return made

    def tasks(self, wanted: TaskFilter | None = None) -> list[Task]:
        with self.app.database.read() as connection:
            return tasks_of(connection, wanted or TaskFilter(), 100)

    def task(self, user: str) -> Task:
        return next(one for one in self.tasks(TaskFilter(closed_too=True)) if one.user == user)

    def told(self, at: float) -> OwnersTold:
        """Let the worker tell owners on day ``at``."""
        self.clock.move_to(day(at))
        return self.app.tell_owners()

    def letters(self) -> list[tuple[str, str]]:
        return [(str(one["To"]), str(one["Subject"])) for one in self.mail()]

    def letter(self, to: str) -> Message:
        (found,) = (one for one in self.mail() if one["To"] == to)
        return found

    def history(self, user: str) -> list[tuple[str, str, str | None]]:
        """State, reason and person of each change of the user's action."""
        lines = self.command("log", "--history", "--json", "--user", user).output.splitlines()
        return [(one["state"], one["reason"], one["who"]) for one in map(json.loads, lines)]

    def take(self, user: str, who: str, at: float) -> Task:
        return tasks.take(self.app.database, self.task(user).id, Hand(who), day(at))

    def done(self, user: str, who: str, at: float, outcome: str = "") -> Task:
        return tasks.done(self.app.database, self.task(user).id, Hand(who), outcome, day(at))

    def cancel(self, user: str, who: str, at: float) -> Task:
        return tasks.cancel(self.app.database, self.task(user).id, Hand(who), "", day(at))

    def reassign(self, user: str, owner: str, who: str, at: float) -> Task:
        settings = self.app.settings.tasks
        return tasks.reassign(self.app.database, self.task(user).id, owner, Hand(who), settings, day(at))
