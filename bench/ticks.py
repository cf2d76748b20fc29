"""Cost follows change: an idle tick, and a tick after new events of 1 % of users, compared with a full tick.

In the full tick all users are due but hardly any change, so it is the cheaper kind of full tick: facts are refreshed
from all events, everyone is placed, few log rows are written.
"""

from pathlib import Path

from sqlalchemy import Connection, text

from bench.common import in_subprocess, report, scratch, seconds, size_from_command_line
from bench.population import NOW, brand_app
from engine.app import App
from engine.clock import DAY, MINUTE, Instant
from engine.loading import Content

FULL_SIZE = 1_000_000
EVENTS_PER_USER = 6
IDLE_BAR = 0.005
CHANGED_BAR = 0.10


def fill_events(connection: Connection, size: int) -> None:
    """Write users and a year and a half of their events, by SQL."""
    connection.execute(
        text(
            "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < :size)"
            " INSERT INTO users (id, key, email, locale, timezone, first_seen_at, updated_at)"
            " SELECT id, 'u' || id, 'u' || id || '@example.com', 'en', 'UTC', :since, :since FROM n"
        ),
        {"size": size, "since": NOW - 800 * DAY},
    )
    connection.execute(text("INSERT INTO zone VALUES ('UTC')"))
    connection.execute(
        text(
            "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < :each)"
            " INSERT INTO event (key, user_id, name, at, received_at, amount, properties)"
            " SELECT 'e' || id || '-' || n, id, CASE WHEN n % 2 = 0 THEN 'page_viewed' ELSE 'order_completed' END,"
            " :now - 1 - ((id * 2654435761 + n * 40503) % 540) * 86400000 - (id * 97 + n * 31) % 86400000, :now,"
            " CASE WHEN n % 2 = 1 THEN 1500 + (id * 7919 + n * 104729) % 12000 END,"
            """ CASE WHEN n % 2 = 1 THEN '{"category": "skincare"}' END FROM users, k"""
        ),
        {"each": EVENTS_PER_USER, "now": NOW},
    )
    connection.execute(text("INSERT INTO user_state (user_id, due_at) SELECT id, 0 FROM users"))


def _new_events(connection: Connection, size: int, at: Instant) -> None:
    """Give every hundredth user an order, as an import would."""
    connection.execute(
        text(
            "INSERT INTO event (key, user_id, name, at, received_at, amount, properties)"
            """ SELECT 'n' || id, id, 'order_completed', :at, :at, 4200, '{"category": "home"}'"""
            " FROM users WHERE id % 100 = 0 AND id <= :size"
        ),
        {"at": at, "size": size},
    )
    connection.execute(text("UPDATE user_state SET due_at = :at WHERE user_id % 100 = 0"), {"at": at})


def _tick(app: App, content: Content, at: int) -> float:
    return seconds(lambda: app.tick(content, Instant(at)))


def make_store(path: Path, size: int) -> None:
    """Make the store in which the ticks run."""
    app, _content = brand_app(path)
    with app.database.write() as connection:
        fill_events(connection, size)
    app.close()


def make_all_due(path: Path) -> None:
    """Make everybody due, as a change of rules does."""
    app, _content = brand_app(path)
    with app.database.write() as connection:
        connection.execute(text("UPDATE user_state SET due_at = 0"))
    app.close()


def measure(path: Path, size: int) -> bool:
    """Run the ticks and compare them."""
    in_subprocess(make_store, path, size)
    app, content = brand_app(path)
    first = _tick(app, content, NOW)
    in_subprocess(make_all_due, path)
    full = _tick(app, content, NOW + MINUTE)
    idle = min(_tick(app, content, NOW + MINUTE + second) for second in (1_000, 2_000, 3_000))
    at = Instant(NOW + 2 * MINUTE)
    with app.database.write() as connection:
        _new_events(connection, size, at)
    changed = _tick(app, content, at)
    app.close()
    more = {"size": size, "floor": round(full, 2), "first_tick": round(first, 2)}
    fine = report("idle_tick", ratio=idle / full, bar=IDLE_BAR, at_most=True, seconds=round(idle, 4), **more)
    return (
        report("changed_tick", ratio=changed / full, bar=CHANGED_BAR, at_most=True, seconds=round(changed, 3), **more)
        and fine
    )


def main() -> bool:
    """Measure in a fresh store."""
    size = size_from_command_line(FULL_SIZE, "users")
    with scratch() as folder:
        return measure(folder / "store.db", size)


if __name__ == "__main__":
    raise SystemExit(not main())
