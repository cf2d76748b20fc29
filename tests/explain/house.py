"""A small brand with its files on disk, lived through day by day by the whole app, mail captured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from typer.testing import CliRunner, Result

from engine.app import App
from engine.cli.program import program
from engine.clock import DAY, FixedClock, Instant
from engine.explain.explaining import Explainer
from engine.explain.models import Explanation, PlaybookAnswer, Standing
from engine.loading import Content
from engine.settings import load_settings

START = Instant(1_767_225_600_000)
"""2026-01-01T00:00:00Z."""

FACTS = """
[events.order_completed]
amount = "money"
category = "text"

[facts.first_name]
attribute = "first_name"
type = "text"
description = "For greetings"

[facts.mail]
attribute = "email"
type = "text"

[facts.is_vip]
attribute = "is_vip"
type = "boolean"

[facts.birthday]
attribute = "birthday"
type = "date"

[facts.spend]
sum = "order_completed.amount"
within = "365d"

[facts.orders]
count = "order_completed"

[facts.beauty_orders]
count = "order_completed"
where = "category = 'beauty'"
within = "90d"

[facts.last_order_at]
last = "order_completed"

[facts.average_order]
expr = "spend / nullif(orders, 0)"
"""

VALUE = """
[dimension]
name = "value"
kind = "tiers"

[[tier]]
name = "high"
when = "spend >= 500 and orders >= 3"
keep = "spend >= 400"
grace = "30d"
lock = "10d"

[[tier]]
name = "low"
"""

LIFECYCLE = """
[dimension]
name = "lifecycle"
kind = "stages"
initial = "potential"

[[transition]]
from = ["potential"]
to = "active"
when = "orders >= 1"

[[transition]]
name = "sleeping"
from = ["active"]
to = "at_risk"
when = "days_since(last_order_at) > 60"
"""

NEEDS = """
[dimension]
name = "needs"
kind = "segments"

[[segment]]
name = "beauty"
when = "beauty_orders >= 1"

[[segment]]
name = "vip"
when = "is_vip or value = 'high'"
lock = "5d"
"""

THANKS = """
[playbook]
name = "thanks"
class = "service"
reentry = "always"
expires = "7d"

[trigger]
event = "order_completed"

[[step]]
id = "mail"
send = ["email"]
template = "thanks/mail"
coupon = "GIFT"
"""

WINBACK = """
[playbook]
name = "winback"
class = "marketing"
reentry = "180d"
expires = "7d"

[trigger]
enter = { lifecycle = "at_risk" }

[audience]
when = "value = 'high'"

[exit]
event = "order_completed"

[[step]]
id = "offer"
send = ["email"]
template = "winback/offer"

[[step]]
id = "answer"
wait_for = "order_completed"
timeout = "10d"

[[step]]
exit = "gave_up"
"""

BIRTHDAY = """
[playbook]
name = "birthday"
class = "marketing"
reentry = "300d"
expires = "2d"

[trigger]
date = { fact = "birthday", at = "09:00" }

[[step]]
id = "wish"
send = ["email"]
template = "birthday/wish"
"""

COUPONS = """
[coupons.GIFT]
kind = "pool"
valid = "30d"
worth = "10%"
"""

FOOT = "<a href='{{ unsubscribe_url }}'>stop</a>"
FILES = {
    "rules/facts.toml": FACTS,
    "rules/value.toml": VALUE,
    "rules/lifecycle.toml": LIFECYCLE,
    "rules/needs.toml": NEEDS,
    "playbooks/thanks.toml": THANKS,
    "playbooks/winback.toml": WINBACK,
    "playbooks/birthday.toml": BIRTHDAY,
    "playbooks/coupons.toml": COUPONS,
    "templates/thanks/mail.email.j2": (
        "{% block subject %}Thank you for {{ event.amount | money }}{% endblock %}"
        "{% block html %}<p>{{ event.category }} {{ coupon.code }} {{ coupon.worth }}</p>" + FOOT + "{% endblock %}"
    ),
    "templates/thanks/mail.email.zh-CN.j2": (
        "{% block subject %}谢谢 {{ event.amount | money }}{% endblock %}"
        "{% block html %}<p>{{ event.category }} {{ coupon.code }}</p>" + FOOT + "{% endblock %}"
    ),
    "templates/winback/offer.email.j2": (
        "{% block subject %}We miss you, {{ facts.first_name }}{% endblock %}"
        "{% block html %}<p>{{ facts.spend | money }} since {{ facts.last_order_at | date }}"
        "{% if facts.is_vip %}, dear friend{% endif %}</p>" + FOOT + "{% endblock %}"
    ),
    "templates/birthday/wish.email.j2": (
        "{% block subject %}Happy birthday{% endblock %}"
        "{% block html %}<p>{{ facts.first_name }}</p>" + FOOT + "{% endblock %}"
    ),
}


def at(days: float) -> Instant:
    """The instant so many days after the start."""
    return Instant(START + int(days * DAY))


@dataclass
class House:
    """The brand's folder and its app."""

    folder: Path
    app: App
    clock: FixedClock

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def write(self, path: str, content: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")

    def content(self) -> Content:
        return self.app.content()

    def tick(self, days: float, *, deliver: bool = False) -> None:
        self.clock.move_to(at(days))
        content = self.content()
        self.app.tick(content, at(days))
        if deliver:
            self.app.deliver(content)

    def user(self, key: str, days: float = 0, **columns: Any) -> int:
        row = {"email": f"{key}@example.com", "timezone": "UTC", "locale": None, "attributes": {}} | columns
        row |= {"key": key, "seen": at(days), "attributes": json.dumps(row["attributes"])}
        [(user,)] = self.execute(
            "INSERT INTO users (key, email, timezone, locale, first_seen_at, attributes, updated_at) VALUES"
            " (:key, :email, :timezone, :locale, :seen, :attributes, :seen) RETURNING id",
            **row,
        )
        self.execute("INSERT INTO user_state (user_id, due_at) VALUES (:user, 0)", user=user)
        return int(user)

    def order(self, user: int, days: float, amount: int, category: str | None = None) -> None:
        properties = json.dumps({"category": category} if category else {})
        self.execute(
            "INSERT INTO event (key, user_id, name, at, received_at, amount, properties) VALUES"
            " (:key, :user, 'order_completed', :at, :at, :amount, :properties)",
            key=f"{user}-{days}",
            user=user,
            at=at(days),
            amount=amount,
            properties=properties,
        )
        self.execute(
            "UPDATE user_state SET due_at = :at WHERE user_id = :user AND due_at > :at", user=user, at=at(days)
        )

    def codes(self, *codes: str) -> None:
        for code in codes:
            self.execute("INSERT INTO coupon_code (coupon, code) VALUES ('GIFT', :code)", code=code)

    def execute(self, sql: str, **binds: object) -> list[tuple[Any, ...]]:
        if self.app.database.dialect == "postgresql":
            sql = sql.replace(":attributes", "CAST(:attributes AS JSONB)")
            sql = sql.replace(":properties", "CAST(:properties AS JSONB)")
        with self.app.database.write() as connection:
            done = connection.execute(text(sql), binds)
            return [tuple(row) for row in done] if done.returns_rows else []

    def explain(self, key: str, days: float, *, show_addresses: bool = False) -> Explanation:
        explainer = Explainer(self.content(), self.app.deciders, self.app.settings.brand)
        with self.app.database.read() as connection:
            return explainer.explain(connection, key, at(days), show_addresses=show_addresses)

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(program, ["--config", str(self.config), *arguments])


def build(folder: Path, url: str) -> House:
    """The brand on a fresh database."""
    paths = {name: folder / name for name in ("rules", "playbooks", "templates")}
    listed = "\n".join(f"{name} = {json.dumps(str(path))}" for name, path in paths.items())
    config = (
        f"[store]\nurl = {json.dumps(url)}\n[content]\n{listed}\n[brand]\nname = 'Maison'\n"
        f"[adapters.capture]\nfolder = {json.dumps(str(folder / 'mail'))}\n"
    )
    clock = FixedClock(START)
    (folder / "config.toml").write_text(config, encoding="utf-8")
    house = House(folder, App(load_settings(folder / "config.toml"), clock), clock)
    for path, content in FILES.items():
        house.write(path, content)
    return house


def open_house(folder: Path, url: str) -> House:
    """The brand, migrated and applied at the start."""
    house = build(folder, url)
    house.app.migrate(house.content())
    house.tick(0)
    return house


def standing(found: Explanation, dimension: str) -> Standing:
    return next(one for one in found.dimensions if one.dimension == dimension)


def answer(found: Explanation, playbook: str) -> PlaybookAnswer:
    return next(one for one in found.playbooks if one.playbook == playbook)
