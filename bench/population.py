"""A store full of users with believable stored facts, made by SQL: for measures that begin after the facts."""

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, text

from engine.app import App
from engine.clock import DAY, FixedClock, Instant
from engine.content.bundle import read_bundle
from engine.loading import Content, load_content
from engine.rules.decide.decider import Deciders
from engine.settings import Settings, StoreSettings

NOW = Instant(1_790_000_000_000)
"""The instant of the measures: 2026-09-21."""

BRAND = Path(__file__).parent.parent


def brand_app(database: Path, now: Instant = NOW) -> tuple[App, Content]:
    """Open the default brand on a SQLite file, migrated, its version applied."""
    settings = Settings(store=StoreSettings(url=f"sqlite:///{database}"))
    app = App(settings, FixedClock(now))
    content = app.load(read_bundle(BRAND / "rules", BRAND / "playbooks", BRAND / "templates"))
    app.migrate(content)
    app.apply(content, now)
    return app, content


def brand_content() -> Content:
    """Load the default brand's files, without a store."""
    bundle = read_bundle(BRAND / "rules", BRAND / "playbooks", BRAND / "templates")
    return load_content(bundle, Settings(), Deciders())


def fill_facts(connection: Connection, size: int, now: Instant = NOW) -> None:
    """Write ``size`` users and their stored facts, nobody placed yet, everybody due.

    Pseudo-random by a multiplicative hash of the user's number, so every run makes the same population.
    """
    connection.execute(
        text(
            "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < :size)"
            " INSERT INTO users (id, key, email, locale, timezone, first_seen_at, updated_at)"
            " SELECT id, 'u' || id, 'u' || id || '@example.com', 'en', 'UTC', :since, :since FROM n"
        ),
        {"size": size, "since": now - 800 * DAY},
    )
    connection.execute(
        text(
            "WITH h AS (SELECT id,"
            " (id * 2654435761) % 1000 AS a, (id * 2246822519) % 1000 AS b, (id * 3266489917) % 1000 AS c FROM users),"
            " o AS (SELECT id, a, b, c, CASE WHEN a < 350 THEN 0 WHEN a < 650 THEN 1 ELSE 1 + b % 8 END AS n,"
            " (c * c / 2700) AS ago FROM h)"
            " INSERT INTO user_state (user_id, due_at, edge_at, refreshed_at, fact_orders, fact_orders_90d,"
            " fact_orders_365d, fact_spend_total, fact_spend_365d, fact_average_order_365d, fact_first_order_at,"
            " fact_last_order_at, fact_categories_365d, fact_coupon_orders_365d, fact_coupon_share, fact_views_30d,"
            " fact_viewed_category, fact_reviews_180d, fact_posts_90d, fact_shares_90d, fact_referrals_365d,"
            " fact_contribution_points)"
            " SELECT id, 0, :now + b * 3600000, :now, n, CASE WHEN ago <= 90 THEN (n + 1) / 2 ELSE 0 END, n,"
            " n * (2500 + c * 17), n * (2500 + c * 17), CASE WHEN n > 0 THEN 2500.0 + c * 17 END,"
            " CASE WHEN n > 0 THEN :now - (ago + n * 40) * 86400000 END,"
            " CASE WHEN n > 0 THEN :now - ago * 86400000 END, min(n, 1 + c % 4), n * b / 2000,"
            " CASE WHEN n > 0 THEN (n * b / 2000) * 1.0 / n END, c % 13 * (b % 2),"
            " CASE WHEN c % 3 = 0 THEN 'skincare' END, c % 11 / 9, b % 17 / 15, a % 5 / 4, (a + b) % 23 / 21,"
            " 10 * ((a + b) % 23 / 21) + 3 * (c % 11 / 9) + 2 * (b % 17 / 15) + a % 5 / 4 FROM o"
        ),
        {"now": now},
    )


def change_facts(connection: Connection, now: Instant) -> None:
    """Move the facts of some users as a while would: a twelfth order and look around, a twelfth fall silent.

    Everybody is due, with the edge that a refresh at ``now`` would leave.
    """
    turn = now // DAY
    connection.execute(
        text(
            "UPDATE user_state SET fact_orders = fact_orders + 1, fact_orders_90d = fact_orders_90d + 1 + user_id % 2,"
            " fact_orders_365d = fact_orders_365d + 1 + user_id % 2, fact_spend_365d = fact_spend_365d + 9000,"
            " fact_first_order_at = coalesce(fact_first_order_at, :now - 1), fact_last_order_at = :now - 1,"
            " fact_views_30d = fact_views_30d + 3, fact_viewed_category = 'home',"
            " fact_contribution_points = fact_contribution_points + 4, fact_categories_365d = fact_categories_365d + 1"
            " WHERE user_id * 7 % 12 = :turn % 12"
        ),
        {"now": now, "turn": turn},
    )
    connection.execute(
        text(
            "UPDATE user_state SET fact_orders_90d = 0, fact_orders_365d = fact_orders_365d / 2,"
            " fact_spend_365d = fact_spend_365d / 2, fact_average_order_365d = fact_average_order_365d * 0.8,"
            " fact_views_30d = fact_views_30d / 4, fact_contribution_points = fact_contribution_points / 2,"
            " fact_categories_365d = fact_categories_365d / 2 WHERE user_id * 5 % 12 = :turn % 12"
        ),
        {"turn": turn},
    )
    connection.execute(
        text("UPDATE user_state SET due_at = 0, refreshed_at = :now, edge_at = :now + user_id * 7919 % 40 * 86400000"),
        {"now": now},
    )


def population_store(path: Path, size: int, now: Instant = NOW) -> None:
    """Make a store with ``size`` users and their facts as of ``now``, in one closed file that can be copied."""
    app, _ = brand_app(path, now)
    with app.database.write() as connection:
        fill_facts(connection, size, now)
    app.close()
    close_store(path)


def close_store(path: Path) -> None:
    """Bring the whole store into its one file, so that it can be copied."""
    store = sqlite3.connect(path)
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()


def copy_store(source: Path, name: str) -> Path:
    """Copy a closed store beside itself, over an earlier copy."""
    target = source.with_name(name)
    for stale in target.parent.glob(f"{name}*"):
        stale.unlink()
    shutil.copy(source, target)
    return target
