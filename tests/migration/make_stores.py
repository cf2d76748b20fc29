# mypy: ignore-errors
"""Makes the files of this folder that the migration test reads: run it at commit 01aa7e2, and nowhere else.

Check that commit out, put this folder into its ``tests/``, and from its root, so that its ``engine`` comes first:

    PYTHONPATH=. python -m tests.migration.make_stores

It imports the program as it was at that commit, whose tables are of revision 0001. That program lives the 20 days of
``life.BEFORE`` on SQLite and on PostgreSQL: customers register, files are edited, codes run out, a provider refuses,
puts off and keeps silent, a worker dies. There the snapshot is taken. Then the same program goes on for the 30 days of
``life.AFTER``, unmigrated: what it does is what a migrated store has to do. Both databases have to agree, before and
after. Chance is seeded and clocks stand where they are put, so a second run writes the same ``expected.jsonl.xz`` to the
octet. Its ``store.jsonl.xz`` says the same too, but numbers some actions and lines of the log otherwise (batches of a
delivery run side by side), and ticks note what the wall clock showed.

Later programs need not be able to run it, and type checkers do not look at it.
"""

import io
import shutil
import sys
import tempfile
import zlib
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import orjson
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from adapters.base import Answer, Outcome
from engine.app import App
from engine.clock import MINUTE, FixedClock, Instant, instant
from engine.delivery.claim import Claims
from engine.delivery.moves import Move, Mover
from engine.delivery.reasons import DeliveryReason
from engine.delivery.states import State
from engine.intake.rows import UserRow
from engine.intake.write_events import write_events
from engine.intake.write_users import write_users
from engine.settings import load_settings
from engine.store.migrations.versions import r0001_tables
from engine.store.state_table import BASE_COLUMNS
from engine.upkeep import calibrate_new
from tests.conftest import postgres_server
from tests.migration.life import BEFORE, SNAPSHOT_AT, at_home, live_on, tick_at
from tests.migration.observing import differences, observe, observe_mail
from tests.migration.people import customers
from tests.migration.snapshot import HERE, ROWS, SCHEMAS, load, take
from tests.migration.table import write_tables

BRAND = HERE / "brand"
EXPECTED = HERE / "expected.jsonl.xz"
EDIT_DAY = 12
"""From this day's tick on the brand's files are as they are now; see ``_earlier``."""
REFUSAL_DAY, SUPPRESSION_DAY = 9, 8
POOLS = {"GIFT": 220, "THANKS": 2_000}
"""Codes at the beginning; the gifts run out before the snapshot."""
EARLIER = timedelta(hours=3)
"""The last day has a tick and a delivery so much before its own tick, whose actions stay queued."""
CLAIMED, HANDED_OFF = 60, 25
"""Actions that a worker had claimed when it died, and how many of them it was just handing over."""


def _earlier(folder: Path) -> None:
    """Make the files what they were in the beginning: a fact more, and earlier versions of two playbooks."""
    _edit(folder / "rules/facts.toml", '[facts.country]', '[facts.shoe_size]\nattribute = "shoe_size"\ntype = "integer"\n\n[facts.country]')  # fmt: skip
    _edit(folder / "playbooks/winback.toml", 'wait = "8d"', 'wait = "12d"')
    _edit(folder / "playbooks/order_thanks.toml", 'timeout   = "6d"', 'timeout   = "16d"')


def _edit(path: Path, before: str, after: str) -> None:
    found = path.read_text(encoding="utf-8")
    assert found.count(before) == 1, path
    path.write_text(found.replace(before, after), encoding="utf-8")


class Provider:
    """Accepts most mail; what it does with the rest depends on the recipient and the day alone."""

    name, channel, concurrency = "capture", "email", 8

    def __init__(self, clock):
        self._clock = clock

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

    async def send(self, message):
        drawn = zlib.crc32(f"{message.recipient} {self._clock.now()}".encode()) % 100
        if drawn < 3:
            return Answer(Outcome.REJECTED, "no_such_mailbox", "550 5.1.1 no such mailbox")
        if drawn < 7:
            return Answer(Outcome.RETRY, "mailbox_full", "452 4.2.2 mailbox full")
        if drawn < 9:
            return Answer(Outcome.UNKNOWN, "no_answer", "the connection broke before the answer")
        return Answer(Outcome.ACCEPTED, "", "2.0.0 queued", f"ref-{drawn}")


class WarmUp(App):
    """The old program with the scripted provider."""

    def adapters(self):
        return {"email": Provider(self.clock)}


class InitialState:
    """The 20 days before the snapshot, in one store."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.clock = FixedClock(instant(tick_at(0)))
        self.app = WarmUp(load_settings(folder / "config.toml"), self.clock)
        self.dialect = self.app.database.dialect
        self.coming = list(customers())

    def live(self) -> None:
        _earlier(self.folder)
        self.app.migrate(self.app.content())
        self._prepare()
        for day in BEFORE:
            self._files_and_lists(day, instant(tick_at(day)))
            if day == BEFORE[-1]:
                self._tick(instant(tick_at(day) - EARLIER))
            self._tick(instant(tick_at(day)), deliver=day != BEFORE[-1])
        self._worker_dies(instant(tick_at(BEFORE[-1])))
        self.clock.move_to(Instant(SNAPSHOT_AT))
        self._register(Instant(SNAPSHOT_AT))
        assert not self.coming
        self.app.close()

    def _prepare(self) -> None:
        """Fill the pools, and fix the secrets that an installation draws by lot."""
        secrets = [{"name": name, "now": self.clock.now()} for name in ("coupons", "unsubscribe")]
        codes = [
            {"coupon": coupon, "code": f"{coupon}-{n:05d}"} for coupon, number in POOLS.items() for n in range(number)
        ]
        with self.app.database.write() as connection:
            connection.execute(text("INSERT INTO secret VALUES (:name, 'a secret of the ' || :name, :now)"), secrets)
            connection.execute(text("INSERT INTO coupon_code (coupon, code) VALUES (:coupon, :code)"), codes)

    def _files_and_lists(self, day: int, now: Instant) -> None:
        if day == EDIT_DAY:
            shutil.copytree(BRAND, self.folder, dirs_exist_ok=True)
            self.app.migrate(self.app.content())
        if day == SUPPRESSION_DAY:
            self._suppress(now)
        if day == REFUSAL_DAY:
            self._refuse(now)

    def _tick(self, now: Instant, *, deliver: bool = True) -> None:
        self.clock.move_to(now)
        self._register(now)
        content = self.app.content()
        self.app.tick(content, now)
        calibrate_new(self.app, content, now)
        if deliver:
            self.app.deliver(content)

    def _register(self, now: Instant) -> None:
        """Write those who registered since the last day, with all that they will ever do."""
        number = sum(instant(one.joined_at) <= now for one in self.coming)
        new, self.coming = self.coming[:number], self.coming[number:]
        events = [
            (deed.key, one.key, deed.name, instant(deed.at), deed.amount, orjson.dumps(deed.properties).decode())
            for one in new
            for deed in one.deeds
        ]
        with self.app.database.write() as connection:
            write_users(connection, self.dialect, [_row(one) for one in new], now)
            write_events(connection, self.dialect, events, now)

    def _suppress(self, now: Instant) -> None:
        rows = [{"address": f"c{number}@example.com", "now": now} for number in range(7, 10_000, 50)]
        with self.app.database.write() as connection:
            connection.execute(text("INSERT INTO suppression VALUES ('email', :address, 'hard_bounce', :now)"), rows)

    def _refuse(self, now: Instant) -> None:
        rows = [
            UserRow(key=f"c{number:05d}", consents={"email": False}, consent_at=now, consent_source="unsubscribe")
            for number in range(3, 7_000, 40)
        ]
        with self.app.database.write() as connection:
            write_users(connection, self.dialect, rows, now)

    def _worker_dies(self, now: Instant) -> None:
        """Leave what a worker leaves that was killed between claim and hand-off, and between hand-off and answer."""
        claims, mover = Claims(self.dialect, 5 * MINUTE), Mover(self.dialect)
        with self.app.database.write() as connection:
            taken = claims.take(connection, "email", now, CLAIMED)
            handed = [
                Move(*claim, State.HANDED_OFF, DeliveryReason.GATES_PASSED, tries=1, lease_until=now + 5 * MINUTE)
                for claim in taken[:HANDED_OFF]
            ]
            mover.write(connection, handed, now)
        assert len(taken) == CLAIMED


def _row(one) -> UserRow:
    return UserRow(
        key=one.key, email=one.email, phone=one.phone, locale=one.locale, timezone=one.timezone, country=one.country,
        created_at=instant(one.joined_at), attributes=one.attributes,
        consents={} if one.consent is None else {"email": one.consent}, consent_at=instant(one.joined_at),
    )  # fmt: skip


def _beginning(folder: Path, url: str) -> None:
    shutil.copytree(BRAND, folder)
    # A retry's jitter comes from the action's number, and the two databases number actions in their own order.
    with at_home(folder, url), mock.patch("engine.delivery.outcomes._JITTER", 0):
        InitialState(folder, url).live()


def _going_on(folder: Path, url: str):
    live_on(folder, url)
    return {**observe(url, SNAPSHOT_AT), "mails": observe_mail(folder / "var" / "mail")}


@contextmanager
def _postgresql(home: Path):
    server = postgres_server(home)
    try:
        yield server
    finally:
        server.stop()


def _database(server, name: str) -> str:
    server.psql(f"CREATE DATABASE {name};")
    return server.get_uri(name).replace("postgresql:", "postgresql+psycopg:")


def _schema(url: str) -> str:
    """Return the SQL that makes the tables as they are in the PostgreSQL store at ``url``."""
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        r0001_tables.upgrade()
    made = buffer.getvalue()
    columns, indexes, _ = _catalogue(url)
    for table, name, sql_type, *_ in columns:
        if table == "user_state" and name not in BASE_COLUMNS:
            made += f"ALTER TABLE user_state ADD COLUMN {name} {sql_type};\n\n"
    made += "".join(f"{sql};\n\n" for name, sql in indexes if name.startswith("state_"))
    return (
        f"{made}CREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL,"
        "\n    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n);\n"
    )


def _catalogue(url: str):
    """Return columns, indexes and constraints of a PostgreSQL store: all that makes its schema."""
    columns = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
    )
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
    constraints = (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
    )
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in (columns, indexes, constraints)]


def make(folder: Path) -> None:
    """Write the schemas, the rows and what is expected of them."""
    with _postgresql(folder / "server") as server:
        urls = {"sqlite": f"sqlite:///{folder / 'lived.db'}", "postgresql": _database(server, "lived")}
        again = {"sqlite": f"sqlite:///{folder / 'loaded.db'}", "postgresql": _database(server, "loaded")}
        for dialect, url in urls.items():
            _beginning(folder / dialect, url)
        _agree("the stores of the 20 days", *(observe(url, SNAPSHOT_AT) for url in urls.values()))
        schema, rows = take(urls["sqlite"])
        for dialect, sql in (("sqlite", schema), ("postgresql", _schema(urls["postgresql"]))):
            lines = [line.rstrip() for line in sql.strip().splitlines()]
            SCHEMAS[dialect].write_text("\n".join(lines) + "\n", encoding="utf-8")
        catalogue = _catalogue(urls["postgresql"])
        write_tables(ROWS, rows)
        lived = {dialect: _going_on(folder / dialect, url) for dialect, url in urls.items()}
        _agree("the 30 days on both databases", *lived.values())
        for dialect, url in again.items():
            load(url)
            assert dialect == "sqlite" or _catalogue(url) == catalogue
            shutil.copytree(BRAND, folder / f"{dialect}-again")
            _agree(f"what was loaded on {dialect}", lived[dialect], _going_on(folder / f"{dialect}-again", url))
        write_tables(EXPECTED, lived["sqlite"])


def _agree(what: str, one, other) -> None:
    if found := differences(one, other):
        sys.exit(f"{what} differ:\n" + "\n".join(found))
    print(what, "agree", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="habitue-stores-") as made:
        make(Path(made))
