"""Writes the demo's brand into the store, or into files that ``habitue import`` reads."""

import csv
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

import orjson
from sqlalchemy import Connection, func, select, text

from engine.actions.states import State
from engine.channels import CHANNELS
from engine.channels.base import channel_addresses
from engine.clock import Instant, iso
from engine.demo.history import CustomerHistory, event_key, generate
from engine.demo.people import key_of
from engine.demo.spec import DemoSpec
from engine.errors import InputError
from engine.intake.rows.model import DeviceRow, EventRow, UserRow
from engine.intake.write.devices import write_devices
from engine.intake.write.events import write_events
from engine.intake.write.users import write_users
from engine.output_file import OutputFile
from engine.store.database import Database
from engine.store.tables import Tick, Users

CHUNK = 1_000
"""Customers per transaction."""

Watch = Callable[[int], None]
"""Called with the number of customers done."""

USER_COLUMNS = (
    "key", "email", "phone", "locale", "timezone", "country", "created_at", "first_name", "city", "birthday",
    "registered_on", "preferred_channel", "consent_email", "consent_sms", "consent_push", "consent_at",
)  # fmt: skip
_REMEDY = "choose an empty folder with --export"
_TAKEN = (State.ACCEPTED, State.DELIVERED, State.OPENED, State.CLICKED)
_PACKED_NAME = "habitue-demo-events.jsonl"
"""The name in the header of the packed file, by which an earlier demo is recognised."""
_NAME_IN_GZIP = 10
"""Where the name starts in a gzip file (RFC 1952)."""
_ATTRIBUTES = ("first_name", "city", "birthday", "registered_on", "preferred_channel")
_CONSENTS = ("email", "sms", "push")
DEVICE_COLUMNS = ("key", "token", "platform", "locale", "last_seen")


@dataclass(frozen=True, slots=True)
class DemoCounts:
    """How many customers, events and devices were added to the store, or written to files."""

    users: int = 0
    events: int = 0
    devices: int = 0


def stored_start(connection: Connection, seed: int) -> Instant | None:
    """Return the start of the demo in the store; None if the store has no customers.

    Raises:
        InputError: the store has customers, but not those of a demo with this seed.
    """
    first = {"key": event_key(seed, 0, "joined")}
    start = connection.execute(text("SELECT at FROM event WHERE key = :key"), first).scalar()
    if start is None and connection.execute(select(func.count()).select_from(Users)).scalar_one():
        raise InputError(
            f"the store has customers that are not from a demo with seed {seed}, and they must not be mixed; use "
            "another store: set HABITUE_STORE__URL"
        )
    return Instant(start) if start is not None else None


def is_complete(connection: Connection, spec: DemoSpec) -> bool:
    """Return whether the store already has this history, and has run it, up to its end."""
    lived = connection.execute(select(func.max(Tick.at))).scalar()
    if lived is None or lived < spec.end:
        return False
    # The very last customers may join after the end; it is enough if one of the last 2 % exists.
    newest = {"first": key_of(spec.users * 49 // 50), "last": key_of(spec.users - 1)}
    found = connection.execute(text("SELECT 1 FROM users WHERE key BETWEEN :first AND :last LIMIT 1"), newest)
    return found.first() is not None


@dataclass(frozen=True, slots=True)
class Captured:
    """How many messages of a channel an adapter has taken, and one of them: who got it, and the adapter's reference for it."""

    channel: str
    adapter: str
    messages: int
    customer: str
    reference: str


def captured(connection: Connection) -> list[Captured]:
    """Return what has left, by channel and adapter, the most frequent first."""
    states = ", ".join(f"'{state}'" for state in _TAKEN)
    query = text(
        "SELECT a.channel, a.adapter, count(*) AS messages, max(u.key) AS customer,"
        " max(coalesce(a.reference, '')) AS reference FROM action AS a"
        f" JOIN users AS u ON u.id = a.user_id WHERE a.adapter IS NOT NULL AND a.state IN ({states})"
        " GROUP BY a.channel, a.adapter ORDER BY messages DESC, a.channel"
    )
    return [Captured(*row) for row in connection.execute(query)]


def busiest_customer(connection: Connection) -> str | None:
    """Return the key of the customer with the most actions; None if nobody has any."""
    query = "SELECT u.key FROM action a JOIN users u ON u.id = a.user_id GROUP BY u.key ORDER BY count(*) DESC, u.key LIMIT 1"
    return connection.execute(text(query)).scalar()


def write_brand(database: Database, spec: DemoSpec, watch: Watch = lambda _: None) -> DemoCounts:
    """Write customers and events; those already in the store are left unchanged."""
    users = events = done = devices = 0
    channels = channel_addresses(CHANNELS)
    for histories in _chunks(generate(spec)):
        rows = [event for history in histories for event in history.events]
        with database.write() as connection:  # nobody else writes to a demo's store yet
            people = [history.user for history in histories]
            users += write_users(connection, database.dialect, people, spec.end, channels).new
            seen = [device for history in histories for device in history.devices]
            devices += write_devices(connection, database.dialect, seen, spec.end, channels).new
            events += write_events(connection, database.dialect, rows, spec.end).new
        done += len(histories)
        watch(done)
    return DemoCounts(users, events, devices)


def _chunks(histories: Iterator[CustomerHistory]) -> Iterator[list[CustomerHistory]]:
    while chunk := list(islice(histories, CHUNK)):
        yield chunk


def export_brand(folder: Path, spec: DemoSpec, watch: Watch = lambda _: None) -> DemoCounts:
    """Write ``users.csv``, ``devices.csv`` and ``events.jsonl.gz`` to ``folder``, all or none.

    Raises:
        InputError: the folder cannot be written to, or has other files of these names.
    """
    users = events = devices = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    user_output = OutputFile(folder / "users.csv", "the customers", _REMEDY, _are_users)
    device_output = OutputFile(folder / "devices.csv", "the devices", _REMEDY, _are_devices)
    event_output = OutputFile(folder / "events.jsonl.gz", "the events", _REMEDY, _are_events)
    with (
        user_output.writing("utf-8") as user_file,
        device_output.writing("utf-8") as device_file,
        event_output.writing() as raw,
        gzip.GzipFile(_PACKED_NAME, "wb", compresslevel=5, fileobj=raw) as event_file,
    ):
        table, device_table = csv.writer(user_file), csv.writer(device_file)
        table.writerow(USER_COLUMNS)
        device_table.writerow(DEVICE_COLUMNS)
        for history in generate(spec):
            table.writerow(_cells(history.user))
            device_table.writerows(map(_device_cells, history.devices))
            event_file.writelines(_line(event, spec.currency_scale) for event in history.events)
            users, events, devices = users + 1, events + len(history.events), devices + len(history.devices)
            watch(users)
    return DemoCounts(users, events, devices)


def _are_users(beginning: bytes) -> bool:
    return beginning.startswith(",".join(USER_COLUMNS).encode())


def _are_devices(beginning: bytes) -> bool:
    return beginning.startswith(",".join(DEVICE_COLUMNS).encode())


def _are_events(beginning: bytes) -> bool:
    return beginning[_NAME_IN_GZIP:].startswith(f"{_PACKED_NAME}\0".encode())


def _cells(user: UserRow) -> list[str]:
    consents = (user.consents.get(channel) for channel in _CONSENTS)
    cells = (
        user.key, user.email, user.phone, user.locale, user.timezone, user.country, iso(user.created_at or 0),
        *(user.attributes.get(name) for name in _ATTRIBUTES),
        *(None if consent is None else str(consent).lower() for consent in consents),
        iso(user.consent_at or 0) if user.consents else None,
    )  # fmt: skip
    return ["" if cell is None else str(cell) for cell in cells]


def _device_cells(device: DeviceRow) -> list[str]:
    return [device.user, device.token, device.platform, device.locale or "", iso(device.seen_at or 0)]


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
