"""A store with a queue of personalised messages that are due: what the drains of all channels begin with."""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, insert, text

from engine.channels import CHANNELS
from engine.channels.base import by_name
from engine.clock import DAY, NEVER, Instant
from engine.content.bundle import Bundle
from engine.facts.catalog import FactCatalog, load_catalog
from engine.store.database import Database
from engine.store.state_table import follow, migrate
from engine.store.tables import Action, Device, Enrolment, Users

NOW = Instant(1_790_000_000_000)

FACTS = """
[facts.first_name]
attribute = "first_name"
type = "text"
[facts.city]
attribute = "city"
type = "text"
[facts.spend_365d]
attribute = "spend"
type = "money"
[facts.orders_365d]
attribute = "orders"
type = "integer"
"""
_PERSONAL = (
    "<p class='t'>Thank you, {{ facts.first_name }}: you were with us in {{ facts.city }}, and we have put something "
    "aside for you that goes well with what you chose the last time, in case you would like to look at it.</p>\n"
)
_GENERAL = (
    "<p class='t'>What is new this week: linen in five colours, a lamp that stands by itself, and the small things "
    "that make a kitchen work. All of it is in the shop, and all of it can be sent back within thirty days.</p>\n"
)
EMAIL = (
    "{% block subject %}{{ facts.first_name }}, something for you in {{ facts.city }}{% endblock %}"
    "{% block html %}<html><head><style>.t { color: #222; margin: 0 0 12px } .b { font-weight: bold }</style></head>"
    "<body><h1 class='b'>Hello {{ facts.first_name }}</h1>"
    + (_PERSONAL + _GENERAL + _GENERAL)
    * 2
    + "<p class='t'>You spent {{ facts.spend_365d | money }} in {{ facts.orders_365d }} orders.</p>"
    "<p class='t'><a href='{{ unsubscribe_url }}'>Unsubscribe</a> {{ brand.name }}</p></body></html>{% endblock %}"
)


def catalog() -> FactCatalog:
    """Return the facts of this benchmark."""
    found, findings = load_catalog(Bundle({"rules/facts.toml": FACTS}), 100)
    assert not findings, findings
    return found


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages of one channel and one template, one for each of ``size`` users."""

    size: int
    channel: str = "email"
    template: str = EMAIL
    platforms: tuple[str, ...] = ("android",)
    """Of the users' devices, in turn, if the channel goes to devices."""

    @property
    def files(self) -> dict[str, str]:
        """The template's file."""
        return {f"winback/offer.{self.channel}.j2": self.template}


def seed(database: Database, *queues: Queue) -> None:
    """Fill a fresh store with each queue's own users, who have a device if its channel goes to devices, and its messages."""
    migrate(database)
    with database.write() as connection:
        follow(connection, database.dialect, catalog().columns())
        first = 1
        for queue in queues:
            _fill(connection, queue, range(first, first + queue.size))
            first += queue.size
        never = {"never": NEVER}
        connection.execute(text("INSERT INTO user_due (user_id, due_at) SELECT id, :never FROM users"), never)
        connection.execute(
            text(
                "INSERT INTO user_state (user_id, fact_first_name, fact_city, fact_spend_365d, "
                "fact_orders_365d) SELECT id, 'Zoë ' || id, '上海 ' || (id % 9), id * 100, id % 20 FROM users"
            )
        )


def _fill(connection: Connection, queue: Queue, numbers: range) -> None:
    users, enrolment, action, device = (_table(model) for model in (Users, Enrolment, Action, Device))
    to_devices, platforms = by_name(CHANNELS)[queue.channel].address.devices, queue.platforms
    for start in range(0, len(numbers), 5_000):
        ids = numbers[start : start + 5_000]
        connection.execute(insert(users), [_user(number) for number in ids])
        if to_devices:
            seen = [_device(number, platforms[number % len(platforms)]) for number in ids]
            connection.execute(insert(device), seen)
        connection.execute(insert(enrolment), [_enrolment(number) for number in ids])
        connection.execute(insert(action), [_action(number, queue.channel) for number in ids])


def _table(model: type) -> Table:
    found = model.__table__  # type: ignore[attr-defined]
    assert isinstance(found, Table)
    return found


def _user(number: int) -> dict[str, object]:
    return {
        "id": number,
        "key": f"u{number}",
        "email": f"user.{number}@example.com",
        "phone": f"+120255{number:05d}",
        "locale": "en",
        "timezone": "Europe/Berlin",
        "first_seen_at": 0,
        "updated_at": 0,
    }


def _device(number: int, platform: str) -> dict[str, object]:
    seen = {"last_seen_at": NOW - DAY, "created_at": NOW - DAY}
    return {"id": number, "user_id": number, "platform": platform, "token": f"t{number:039}", **seen}


def _enrolment(number: int) -> dict[str, object]:
    return {
        "id": number,
        "playbook": "winback",
        "version": "v",
        "user_id": number,
        "occurrence": f"transition:{number}",
        "state": "active",
        "step": 1,
        "due_at": NOW + DAY,
        "trigger_at": NOW - 1,
        "entered_at": NOW - 1,
    }


def _action(number: int, channel: str) -> dict[str, object]:
    return {
        "id": number,
        "enrolment_id": number,
        "step": "offer",
        "attempt": 1,
        "user_id": number,
        "playbook": "winback",
        "version": "v",
        "kind": "message",
        "class": "marketing",
        "priority": 40,
        "channel": channel,
        "next_channels": "",
        "template": "winback/offer",
        "send_window": "00:00-23:59",
        "state": "queued",
        "reason": "due",
        "due_at": NOW - 1,
        "expires_at": NOW + DAY,
        "created_at": NOW - 1,
        "changed_at": NOW - 1,
    }
