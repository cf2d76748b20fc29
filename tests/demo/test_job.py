"""The main job, small: a brand made up and lived through, shown, and not done twice."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from sqlalchemy import text

from adapters.base import TaskPayload
from engine.app import App
from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.cli.demo import Outcome, show
from engine.clock import DAY, HOUR, FixedClock, Instant, instant
from engine.demo.job import EVERY, JobProgress, run
from engine.demo.output import DemoCounts, busiest_customer, captured
from engine.demo.staff import do_tasks
from engine.errors import InputError
from engine.explain.report.models import Report
from engine.explain.report.reading import ReportWindow, read_report
from engine.intake.rows.model import UserRow
from engine.intake.write.users import write_users
from engine.settings import ChannelSettings, Settings, load_settings
from engine.tasks.rows import NewTask, TaskFilter, keep, tasks_of
from tests.brand import brand

END = instant(datetime(2026, 6, 5, tzinfo=UTC))
USERS, DAYS = 250, 2

CONFIG = """
[brand]
name = "Maison Habitué"
timezone = "America/New_York"
postal_address = "1 Market Street, Springfield"
[store]
url = "{url}"
[content]
rules = "{root}/rules"
playbooks = "{root}/playbooks"
templates = "{root}/templates"
[channels.email]
adapters = ["capture"]
[channels.push]
adapters = ["capture"]
[channels.sms]
adapters = ["capture"]
[channels.webhook]
adapters = ["capture"]
[tasks.owners]
default = "vip-team"
[tasks.people]
vip-team = "vip-team@example.com"
[adapters.capture]
folder = "{mail}"
[delivery]
quiet_hours = "21:00-08:00"
"""


def settings_for(folder: Path, url: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(CONFIG.format(url=url, root=brand.ROOT, mail=folder / "mail"), encoding="utf-8")
    return load_settings(file)


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    opened = App(settings_for(tmp_path, database_url), FixedClock(END))
    yield opened
    opened.close()


def live(app: App, end: Instant = END) -> tuple[DemoCounts, list[JobProgress]]:
    clock = FixedClock(end)
    app.clock = clock
    stages: list[JobProgress] = []
    return run(app, clock, stages.append, users=USERS, days=DAYS, seed=7), stages


def report_of(app: App) -> Report:
    window = ReportWindow(END, ZoneInfo("America/New_York"))
    with app.database.read() as connection:
        return read_report(connection, app.content().rules.dimensions, window)


def mails(folder: Path) -> list[Path]:
    return sorted((folder / "mail").rglob("*.eml"))


def test_lives_through_its_days_once(app: App, tmp_path: Path) -> None:
    made, stages = live(app)
    ticks = DAYS * DAY // EVERY + 1
    assert stages[-1] == JobProgress("ticks", ticks, ticks)
    first = report_of(app)
    assert (first.users, first.events, first.ticks) == (made.users, made.events, ticks)
    for dimension in ("value", "activity", "contribution", "lifecycle"):
        assert sum(one.customers for one in first.places if one.dimension == dimension) == first.users
    assert first.transitions
    accepted = sum(done.count for done in first.actions if done.state == "accepted")
    assert accepted > 20
    granted = sum(done.count for done in first.actions if done.reason == "granted")
    with app.database.read() as connection:
        by_channel = {one.channel: one.messages for one in captured(connection)}
        told = connection.execute(text("SELECT count(*) FROM task_notice WHERE sent_at IS NOT NULL")).scalar_one()
    assert sum(by_channel.values()) == accepted - granted
    assert len(mails(tmp_path)) == by_channel["email"] + told
    for channel in ("push", "sms", "webhook"):
        assert len(list((tmp_path / "mail").rglob(f"*.{channel}.json"))) == by_channel.get(channel, 0), channel
    assert {"email", "push"} <= by_channel.keys()
    assert sum(one.customers for one in first.crossed) == first.users
    with app.database.read() as connection:
        doubled = text("SELECT 1 FROM enrolment GROUP BY playbook, user_id, occurrence HAVING count(*) > 1")
        assert connection.execute(doubled).first() is None
        failed = connection.execute(text("SELECT playbook, reason FROM action WHERE state IN ('failed', 'unknown')"))
        assert list(failed) == []

        scored = text("SELECT count(*) FROM user_state WHERE fact_monetary_score IS NOT NULL")
        assert connection.execute(scored).scalar_one() == first.users

    assert live(app) == (DemoCounts(), [])
    assert report_of(app) == first

    on, stages = live(app, Instant(END + DAY))
    assert on.events > 0
    assert stages[-1].total == DAY // EVERY
    assert report_of(app).ticks == ticks + DAY // EVERY


def test_is_shown_with_what_to_try_next(tmp_path: Path, sqlite_url: str) -> None:
    app = App(settings_for(tmp_path, sqlite_url), FixedClock(END))
    live(app)
    found = report_of(app)
    with app.database.read() as connection:
        busiest, there = busiest_customer(connection), captured(connection)
    commands = {kind.name: kind.listed_by for kind in app.kinds.adapters}
    app.close()
    out = Console(record=True, width=100, file=StringIO())
    show(out, Outcome(found, there, busiest, "var/mail", commands))
    page = out.export_text()
    assert "Customers by lifecycle and value" in page
    for place in (*brand.places("lifecycle"), *brand.places("value")):
        assert re.search(rf"\b{place}\b", page)
    told = Counter(done.playbook for done in found.actions)
    assert all(playbook in page for playbook in told)
    for one in there:
        assert re.search(rf"\b{one.channel} +{one.messages}\b", page)
    where = {"email": "var/mail/*/*.eml", "push": "*.push.json", "task": "task list --all", "inbox": "inbox list C0"}
    assert {"email", "push"} <= {one.channel for one in there}
    assert all(place in page for channel, place in where.items() if channel in {one.channel for one in there})
    assert f"habitue explain {busiest}" in page


def test_refuses_to_write_to_anybody(tmp_path: Path, sqlite_url: str) -> None:
    settings = settings_for(tmp_path, sqlite_url)
    real = settings.model_copy(update={"channels": {"email": ChannelSettings(adapters=("smtp",))}})
    with pytest.raises(InputError, match=r"set `adapters = \[\"capture\"\]` in `\[channels\.email\]`"):
        live(App(real, FixedClock(END)))


def test_its_people_do_most_of_their_tasks_and_forget_some(app: App) -> None:
    content = app.content()
    app.migrate(content)
    with app.database.write() as connection:
        people = [UserRow(f"c{number}", created_at=END) for number in range(30)]
        write_users(connection, app.database.dialect, people, END, channel_addresses(CHANNELS))
        new = [NewTask(f"t{number}", f"c{number}", TaskPayload("Call", "Ask how it is."), END) for number in range(30)]
        keep(connection, new, app.settings.tasks)
    assert do_tasks(app.database, Instant(END + HOUR)) == 0
    done = do_tasks(app.database, Instant(END + DAY))
    assert 20 <= done < 30
    assert do_tasks(app.database, Instant(END + 9 * DAY)) == 0
    with app.database.read() as connection:
        there = tasks_of(connection, TaskFilter(closed_too=True), 100)
    closed = [task for task in there if task.state == "done"]
    assert len(closed) == done
    assert all(task.closed_by and task.outcome for task in closed)
