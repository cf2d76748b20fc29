"""The demo's brand into the store, or into files that ``habitue import`` reads."""

import csv
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

import orjson
from sqlalchemy import Connection, func, select, text

from engine.clock import Instant, iso
from engine.demo.history import CustomerHistory, event_key, generate
from engine.demo.people import key_of
from engine.demo.spec import DemoSpec
from engine.errors import InputError
from engine.intake.rows.model import EventRow, UserRow
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.store.database import Database
from engine.store.tables import Tick, Users

CHUNK = 1_000
"""Customers per transaction."""

Watch = Callable[[int], None]
"""Is told how many customers are done."""

USER_COLUMNS = (
    "key", "email", "locale", "timezone", "country", "created_at", "first_name", "city", "birthday", "registered_on",
    "consent_email", "consent_at",
)  # fmt: skip
_ATTRIBUTES = ("first_name", "city", "birthday", "registered_on")


@dataclass(frozen=True, slots=True)
class DemoCounts:
    """How many customers and events are new in the store, or in the files."""

    users: int = 0
    events: int = 0


def stored_start(connection: Connection, seed: int) -> Instant | None:
    """Return the start of the demo that the store holds; None where it holds nobody.

    Raises:
        InputError: the store holds customers, but not those of a demo with this seed.
    """
    first = {"key": event_key(seed, 0, "joined")}
    start = connection.execute(text("SELECT at FROM event WHERE key = :key"), first).scalar()
    if start is None and connection.execute(select(func.count()).select_from(Users)).scalar_one():
        raise InputError(
            f"the store holds customers who are not of a demo with seed {seed}, and they are not to be mixed; name "
            "another store, such as HABITUE_STORE__URL=sqlite:///var/demo.db"
        )
    return Instant(start) if start is not None else None


def is_complete(connection: Connection, spec: DemoSpec) -> bool:
    """Tell whether the store was told this story, and lived it, up to its end already."""
    lived = connection.execute(select(func.max(Tick.at))).scalar()
    if lived is None or lived < spec.end:
        return False
    # The very last customers may join after the end; that one of the last fiftieth is there tells as much.
    newest = {"first": key_of(spec.users * 49 // 50), "last": key_of(spec.users - 1)}
    found = connection.execute(text("SELECT 1 FROM users WHERE key BETWEEN :first AND :last LIMIT 1"), newest)
    return found.first() is not None


def write_brand(database: Database, spec: DemoSpec, watch: Watch = lambda _: None) -> DemoCounts:
    """Write customers and events; what is there already stays as it is."""
    users = events = done = 0
    for lives in _chunks(generate(spec)):
        rows = [event for life in lives for event in life.events]
        with database.write() as connection:
            users += write_users(connection, database.dialect, [life.user for life in lives], spec.end).new
            events += write_events(connection, database.dialect, rows, spec.end).new
        done += len(lives)
        watch(done)
    return DemoCounts(users, events)


def _chunks(lives: Iterator[CustomerHistory]) -> Iterator[list[CustomerHistory]]:
    while chunk := list(islice(lives, CHUNK)):
        yield chunk


def export_brand(folder: Path, spec: DemoSpec, watch: Watch = lambda _: None) -> DemoCounts:
    """Write ``users.csv`` and ``events.jsonl.gz`` into ``folder``.

    Raises:
        InputError: the folder cannot be written.
    """
    users = events = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            (folder / "users.csv").open("w", encoding="utf-8", newline="") as user_file,
            gzip.open(folder / "events.jsonl.gz", "wb", compresslevel=5) as event_file,
        ):
            table = csv.writer(user_file)
            table.writerow(USER_COLUMNS)
            for life in generate(spec):
                table.writerow(_cells(life.user))
                event_file.writelines(_line(event, spec.currency_scale) for event in life.events)
                users, events = users + 1, events + len(life.events)
                watch(users)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    return DemoCounts(users, events)


def _cells(user: UserRow) -> list[str]:
    consent = user.consents.get("email")
    cells = (
        user.key, user.email, user.locale, user.timezone, user.country, iso(user.created_at or 0),
        *(user.attributes.get(name) for name in _ATTRIBUTES),
        None if consent is None else str(consent).lower(), None if consent is None else iso(user.consent_at or 0),
    )  # fmt: skip
    return ["" if cell is None else str(cell) for cell in cells]


def _line(event: EventRow, scale: int) -> bytes:
    properties = orjson.loads(event.properties) if event.properties else {}
    if event.amount is not None:
        properties["amount"] = str(Decimal(event.amount) / scale)
    call = {
        "messageId": event.key,
        "userId": event.user,
        "event": event.name,
        "timestamp": iso(event.at),
        "properties": properties,
    }
    return orjson.dumps(call, option=orjson.OPT_APPEND_NEWLINE)
