"""Computing the first facts of all users from their events, in chunks, compared with one hand-written GROUP BY."""

import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bench.common import interleaved, report, scratch, seconds, size_from_command_line
from engine.clock import DAY, Instant
from engine.content.bundle import Bundle
from engine.facts.catalog import FactCatalog, load_catalog
from engine.facts.query import Refresh
from engine.store.database import Database
from engine.store.due import add_unknown_users
from engine.store.state_table import TABLE, follow, migrate
from engine.store.due import take_due_users

NOW = Instant(1_767_225_600_000)
EVENTS_PER_USER = 20
CHUNK = 50_000
FACTS = Path(__file__).parent.parent / "rules" / "facts.toml"
NAMES = ("order_completed", "page_viewed", "page_viewed", "page_viewed", "review_posted", "product_shared")
CATEGORIES = ("skincare", "fragrance", "makeup", "home", "men")


def main() -> bool:
    users = size_from_command_line(1_000_000, "users; events are 20 times as many")
    with scratch() as folder:
        database = Database(f"sqlite:///{folder / 'bench.db'}")
        migrate(database)
        catalog = _catalog()
        _fill(folder / "bench.db", users)
        with database.write() as connection:
            follow(connection, database.dialect, catalog.columns())
            add_unknown_users(connection)
        refresh = Refresh(catalog, database.dialect)
        ours, floor = interleaved(
            3,
            lambda: _first_facts(database, refresh),
            lambda: _by_hand(database),
        )
        _check(database, catalog)
        database.close()
    return report(
        "first_facts", ratio=ours / floor, bar=2.0, at_most=True, users=users, s=round(ours, 2), floor_s=round(floor, 2)
    )


def _catalog() -> FactCatalog:
    catalog, findings = load_catalog(Bundle({"rules/facts.toml": FACTS.read_text(encoding="utf-8")}), 100)
    if findings:
        raise SystemExit("\n".join(map(str, findings)))
    return catalog


def _fill(path: Path, users: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA temp_store = FILE")  # the index is built by a sort of all events
        connection.executemany(
            "INSERT INTO users (id, key, locale, first_seen_at, attributes, updated_at) VALUES (?, ?, 'en', 0, ?, 0)",
            (
                (user, f"u{user:09}", f'{{"city": "c{user % 97}", "birthday": "1990-0{user % 9 + 1}-11"}}')
                for user in range(1, users + 1)
            ),
        )
        (index,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'event_of_user'").fetchone()
        connection.execute("DROP INDEX event_of_user")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, 0, ?, ?)", _events(users))
        connection.execute(index)


def _events(users: int) -> Iterator[tuple[Any, ...]]:
    """Yield two years of events in order of time, as they would have been received."""
    draw = random.Random(7)
    total = users * EVENTS_PER_USER
    span = 730 * DAY
    for number in range(total):
        name = NAMES[draw.randrange(len(NAMES))]
        amount = draw.randrange(500, 20_000) if name == "order_completed" else None
        category = CATEGORIES[draw.randrange(len(CATEGORIES))]
        at = NOW - span + span * number // total
        yield number + 1, f"e{number:010}", draw.randrange(users) + 1, name, at, amount, f'{{"category": "{category}"}}'


def _first_facts(database: Database, refresh: Refresh) -> float:
    """Reset the users to the state that intake leaves them in, without facts; return the seconds for computing them."""
    with database.write() as connection:
        connection.execute(text(f"DELETE FROM {TABLE}"))
        add_unknown_users(connection)
    return seconds(lambda: _in_chunks(database, refresh))


def _in_chunks(database: Database, refresh: Refresh) -> None:
    taken = 1
    while taken:
        with database.write() as connection:
            taken = take_due_users(connection, database.dialect, NOW, CHUNK)
            refresh.run(connection, NOW)
            # Stands in for the end of a tick's chunk, where the rules set the next ``due_at``.
            connection.execute(
                text(f"UPDATE {TABLE} SET due_at = edge_at WHERE user_id IN (SELECT user_id FROM due_user)")
            )


def _by_hand(database: Database) -> float:
    with database.write() as connection:
        connection.execute(text("DROP TABLE IF EXISTS by_hand"))
    return seconds(lambda: _create_by_hand(database))


def _create_by_hand(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(BY_HAND.replace(":now", str(NOW)))


BY_HAND = """
CREATE TABLE by_hand AS
SELECT f.*,
  coupon_orders_365d * 1.0 / nullif(orders_365d, 0) AS coupon_share,
  10 * referrals_365d + 3 * reviews_180d + 2 * posts_90d + shares_90d AS contribution_points
FROM (
  SELECT u.id AS user_id,
    json_extract(u.attributes, '$.first_name') AS first_name,
    json_extract(u.attributes, '$.city') AS city,
    u.locale AS language,
    u.first_seen_at AS customer_since,
    json_extract(u.attributes, '$.registered_on') AS registered_on,
    json_extract(u.attributes, '$.birthday') AS birthday,
    count(*) FILTER (WHERE name = 'order_completed') AS orders,
    count(*) FILTER (WHERE name = 'order_completed' AND at > :now - 7776000000) AS orders_90d,
    count(*) FILTER (WHERE name = 'order_completed' AND at > :now - 31536000000) AS orders_365d,
    coalesce(sum(amount) FILTER (WHERE name = 'order_completed'), 0) AS spend_total,
    coalesce(sum(amount) FILTER (WHERE name = 'order_completed' AND at > :now - 31536000000), 0) AS spend_365d,
    avg(amount) FILTER (WHERE name = 'order_completed' AND at > :now - 31536000000) AS average_order_365d,
    min(amount) FILTER (WHERE name = 'order_completed') AS smallest_order,
    max(amount) FILTER (WHERE name = 'order_completed') AS largest_order,
    min(at) FILTER (WHERE name = 'order_completed') AS first_order_at,
    max(at) FILTER (WHERE name = 'order_completed') AS last_order_at,
    (SELECT json_extract(l.properties, '$.category') FROM event l
     WHERE l.user_id = u.id AND l.name = 'order_completed' ORDER BY l.at DESC LIMIT 1) AS last_category,
    count(DISTINCT json_extract(properties, '$.category'))
      FILTER (WHERE name = 'order_completed' AND at > :now - 31536000000) AS categories_365d,
    count(*) FILTER (WHERE name = 'order_completed' AND at > :now - 31536000000
      AND json_extract(properties, '$.coupon') IS NOT NULL) AS coupon_orders_365d,
    count(*) FILTER (WHERE name = 'page_viewed' AND at > :now - 2592000000) AS views_30d,
    max(at) FILTER (WHERE name = 'page_viewed') AS last_view_at,
    (SELECT json_extract(l.properties, '$.category') FROM event l
     WHERE l.user_id = u.id AND l.name = 'page_viewed' ORDER BY l.at DESC LIMIT 1) AS viewed_category,
    count(*) FILTER (WHERE name = 'review_posted' AND at > :now - 15552000000) AS reviews_180d,
    count(*) FILTER (WHERE name = 'community_post' AND at > :now - 7776000000) AS posts_90d,
    count(*) FILTER (WHERE name = 'product_shared' AND at > :now - 7776000000) AS shares_90d,
    count(*) FILTER (WHERE name = 'referral_made' AND at > :now - 31536000000) AS referrals_365d,
    (SELECT json_extract(l.properties, '$.score') FROM event l
     WHERE l.user_id = u.id AND l.name = 'survey_answered' ORDER BY l.at DESC LIMIT 1) AS last_score,
    count(*) FILTER (WHERE name = 'support_contacted' AND at > :now - 2592000000
      AND json_extract(properties, '$.topic') = 'complaint') AS complaints_30d
  FROM users u LEFT JOIN event e ON e.user_id = u.id
  GROUP BY u.id
) f
"""


def _check(database: Database, catalog: FactCatalog) -> None:
    """Fail if the two results differ. Scores are left out: they are NULL, because nothing has been calibrated yet."""
    facts = {fact.name for fact in catalog.facts.values() if not fact.source.calibrated}
    with database.read() as connection:
        columns = {row[1] for row in connection.execute(text("PRAGMA table_info(by_hand)"))} - {"user_id"}
        if columns != facts:
            raise SystemExit(f"BY_HAND no longer computes the facts of {FACTS.name}: {', '.join(columns ^ facts)}")
        differ = " OR ".join(f"s.fact_{column} IS NOT h.{column}" for column in columns)
        query = f"SELECT count(*) FROM by_hand h LEFT JOIN {TABLE} s ON s.user_id = h.user_id WHERE {differ}"
        if count := connection.execute(text(query)).scalar_one():
            raise SystemExit(f"the facts of {count} users differ from those computed by hand")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
