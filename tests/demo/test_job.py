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

from engine.app import App
from engine.cli.demo import show
from engine.clock import DAY, FixedClock, Instant, instant
from engine.demo.job import EVERY, JobProgress, run
from engine.demo.output import DemoCounts, busiest_customer
from engine.errors import InputError
from engine.explain.report.models import Report
from engine.explain.report.reading import ReportWindow, read_report
from engine.settings import ChannelSettings, Settings, load_settings
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
    assert len(mails(tmp_path)) == accepted
    assert sum(one.customers for one in first.crossed) == first.users
    with app.database.read() as connection:
        doubled = text("SELECT 1 FROM enrolment GROUP BY playbook, user_id, occurrence HAVING count(*) > 1")
        assert connection.execute(doubled).first() is None
        failed = connection.execute(text("SELECT playbook, reason FROM action WHERE state IN ('failed', 'unknown')"))
        assert list(failed) == []

        scored = text("SELECT count(*) FROM user_state WHERE fact_monetary_score IS NOT NULL")
        assert connection.execute(scored).scalar_one() == first.users

    assert live(app) == (DemoCounts(0, 0), [])
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
        busiest = busiest_customer(connection)
    app.close()
    out = Console(record=True, width=80, file=StringIO())
    show(out, found, busiest, "var/mail")
    page = out.export_text()
    assert "Customers by lifecycle and value" in page
    for place in (*brand.places("lifecycle"), *brand.places("value")):
        assert re.search(rf"\b{place}\b", page)
    told = Counter(done.playbook for done in found.actions)
    assert all(playbook in page for playbook in told)
    assert "var/mail" in page
    assert f"habitue explain {busiest}" in page


def test_refuses_to_write_to_anybody(tmp_path: Path, sqlite_url: str) -> None:
    settings = settings_for(tmp_path, sqlite_url)
    real = settings.model_copy(update={"channels": {"email": ChannelSettings(adapters=("smtp",))}})
    with pytest.raises(InputError, match=r"set `adapters = \[\"capture\"\]` in `\[channels\.email\]`"):
        live(App(real, FixedClock(END)))
