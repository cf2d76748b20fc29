# mypy: ignore-errors
"""Makes ``house.jsonl.xz``, a store of revision 0002: run it at commit 3832d13, and nowhere else.

Check that commit out, put this folder into its ``tests/``, and from its root, so that its ``engine`` comes first:

    PYTHONPATH=. python -m tests.migration.make_house_store

That program migrates the store of revision 0001 and lives the first ten of the 30 days after it. Then the store has
enrolments, graces and codes of two programs, news that no tick has seen, and customers in quarantine. What the program
would do in the other 20 days is in ``expected.jsonl.xz``: at that commit, the migration test lived all of them.

Later programs need not be able to run it, and type checkers do not look at it.
"""

import shutil
import tempfile
from pathlib import Path

from sqlalchemy import text

from engine.clock import HOUR, Instant, instant
from engine.intake.rows.model import UserRow
from engine.intake.write.users import write_users
from engine.store.database import Database
from engine.store.quarantine import BadRowFound, RowKind, quarantine
from engine.store.state_table import BASE_COLUMNS
from tests.migration.life import HOUSE_FROM, at_home, live_on, tick_at
from tests.migration.snapshot import HERE, HOUSE, load, take
from tests.migration.table import Table, write_tables

NOTED, QUARANTINED = 40, 3
"""Customers about whom an import says something new after the last tick; customers in quarantine."""


def make(folder: Path) -> None:
    url = f"sqlite:///{folder / 'lived.db'}"
    load(url)
    shutil.copytree(HERE / "brand", folder / "brand")
    live_on(folder / "brand", url, days=range(20, HOUSE_FROM))
    with at_home(folder / "brand", url):
        database = Database(url)
        with database.write() as connection:
            _pending(connection, database, Instant(instant(tick_at(HOUSE_FROM - 1)) + HOUR))
            columns = [
                (name, kind)
                for name, kind in database.dialect.columns(connection, "user_state").items()
                if name not in BASE_COLUMNS
            ]
            query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'state_%' ORDER BY name"
            indexes = [(sql,) for sql in connection.execute(text(query)).scalars()]
        database.close()
    _schema, rows = take(url)
    head = {
        "state_columns": Table(("name", "kind"), columns),
        "state_indexes": Table(("sql",), indexes),
    }
    write_tables(HOUSE, {**head, **rows})


def _pending(connection, database, now: Instant) -> None:
    """Import something that no fact reads, and set a few customers aside for whom nothing is due."""
    far = (
        "SELECT u.key, u.id FROM users AS u JOIN user_state AS s ON s.user_id = u.id WHERE s.due_at > :late"
        " AND s.refreshed_at IS NOT NULL ORDER BY u.id LIMIT :limit"
    )
    late = instant(tick_at(HOUSE_FROM + 3))
    found = connection.execute(text(far), {"late": late, "limit": NOTED + QUARANTINED}).all()
    rows = [UserRow(key=key, attributes={"note": "new"}) for key, _ in found[:NOTED]]
    write_users(connection, database.dialect, rows, now)
    bad = [BadRowFound(RowKind.USER, user, "users", "row_unreadable", "") for _, user in found[NOTED:]]
    quarantine(connection, bad, now)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="habitue-stores-") as made:
        make(Path(made))
