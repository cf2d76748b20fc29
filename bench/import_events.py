"""Importing events from a CSV file, compared with ``executemany`` of rows that are already parsed.

Both fill the same tables with the same indexes from the rows of the same file, in a store that already has the users.
``python -m bench.import_events --size 2000000``
"""

import csv
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy import text

from bench.common import interleaved, report, scratch, seconds, size_from_command_line
from engine.clock import FixedClock, Instant, instant
from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.intake.files.importing import import_events
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.intake.write.resolve import user_ids
from engine.store.database import Database
from engine.store.state_table import migrate

FULL = 2_000_000
BAR = 0.3
RUNS = 3
_EVENTS_PER_USER = 10
_START = datetime(2026, 1, 1, tzinfo=UTC)
_NOW = FixedClock(instant(_START + timedelta(days=400)))
_CATEGORIES = ("skincare", "fragrance", "makeup", "home", "men")
_DECLARED = Declared(
    {"order_completed": {"amount": ValueType.MONEY, "category": ValueType.TEXT, "items": ValueType.INTEGER}}
)
_INSERT = (
    "INSERT INTO event (key, user_id, name, at, received_at, amount, properties) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO NOTHING"
)
Parsed = tuple[str, int, str, int, int, int, str]


def main() -> bool:
    """Measure and print."""
    size = size_from_command_line(FULL, "events")
    with scratch() as folder:
        path = folder / "events.csv"
        _write(path, size)
        importing, floor = interleaved(
            RUNS, lambda: _import(folder / "import.db", path), lambda: _executemany(folder / "floor.db", path, size)
        )
    return report(
        "import_events",
        ratio=floor / importing,
        bar=BAR,
        at_most=False,
        size=size,
        events_per_second=round(size / importing),
        floor_per_second=round(size / floor),
    )


def _write(path: Path, size: int) -> None:
    """Write ``size`` orders in order of time, of users in random order."""
    chance = random.Random(7)
    users = max(1, size // _EVENTS_PER_USER)
    step = 365 * 86_400 / size
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file)
        write.writerow(("event_id", "customer_id", "event", "at", "amount", "category", "items"))
        for number in range(size):
            at = (_START + timedelta(seconds=int(number * step))).isoformat()
            amount = f"{chance.randrange(500, 30_000) / 100:.2f}"
            user = f"c{chance.randrange(users):07d}"
            write.writerow(
                (
                    f"o{number:09d}",
                    user,
                    "order_completed",
                    at,
                    amount,
                    chance.choice(_CATEGORIES),
                    chance.randint(1, 5),
                )
            )


def _store(path: Path, users: int) -> Database:
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.write() as connection:
        many = "INSERT INTO users (key, first_seen_at, updated_at) VALUES (?, ?, ?)"
        begun = instant(_START)
        connection.exec_driver_sql(many, [(f"c{number:07d}", begun, begun) for number in range(users)])
        connection.execute(text("INSERT INTO user_due (user_id, due_at) SELECT id, 0 FROM users"))
    return database


def _import(store: Path, path: Path) -> float:
    database = _store(store, max(1, _rows(path) // _EVENTS_PER_USER))
    try:
        return seconds(lambda: import_events(database, Source(path), _DECLARED, ImportOptions(), _NOW))
    finally:
        database.close()


def _rows(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def _executemany(store: Path, path: Path, size: int) -> float:
    """Insert parsed rows in the same chunks and transactions; return the seconds without parsing."""
    database = _store(store, max(1, size // _EVENTS_PER_USER))
    taken = 0.0
    try:
        for chunk in _parsed(database, path):
            taken += seconds(partial(_insert, database, chunk))
    finally:
        database.close()
    return taken


def _insert(database: Database, chunk: list[Parsed]) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(_INSERT, chunk)


def _parsed(database: Database, path: Path) -> Iterator[list[Parsed]]:
    chunk = ImportOptions().chunk
    now = _NOW.now()
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        while batch := list(islice(rows, chunk)):
            with database.read() as connection:
                ids = user_ids(connection, database.dialect, {row[1] for row in batch})
            yield [_parse(row, ids, now) for row in batch]


def _parse(row: list[str], ids: dict[str, int], now: Instant) -> Parsed:
    key, user, name, at, amount, category, items = row
    properties = f'{{"category":"{category}","items":{items}}}'
    return key, ids[user], name, instant(datetime.fromisoformat(at)), now, round(float(amount) * 100), properties


if __name__ == "__main__":
    sys.exit(not main())
