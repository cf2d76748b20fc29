"""``habitue status`` on a large store: its queries, against a count of all users by an index.

The bar is in seconds: 0.3 for 1,000,000 users and 10,000,000 actions, however much is wrong. The store has something for
every check to look at: refusals, messages that failed, wait, are held or unknown, pools, a playbook that is gone.
"""

import json
from collections.abc import Callable

from sqlalchemy import text

from bench.common import choice_from_command_line, interleaved, report, seconds
from bench.population import NOW, brand_app, fill_users, forget_sweep
from bench.stores import stores
from engine.clock import MINUTE
from engine.status.files import current_files
from engine.status.reading import status_of
from engine.store.database import Database

BAR = 0.3
RUNS = 7
ACTIONS_PER_USER = 10
_N = "WITH RECURSIVE n(id) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT id + 1 FROM n WHERE id < :size)"
_AT = ":now - (:size - id) * 17280000000 / :size"
"""Actions are spread over 200 days, the newest last."""
FILL = (
    "INSERT INTO user_due (user_id, due_at, evaluated_at) SELECT id, :now + (id % 1000 - 10) * 60000, :now - 1 FROM users",
    (
        f"{_N} INSERT INTO enrolment (id, playbook, version, user_id, occurrence, state, step, due_at, trigger_at, entered_at)"
        " SELECT id, CASE id % 5 WHEN 0 THEN 'gone' WHEN 1 THEN 'winback' ELSE 'onboarding' END, 'v', 1 + (id - 1) * :users / :size,"
        f" 'event:' || id, CASE WHEN id % 20 = 0 THEN 'active' ELSE 'finished' END, 1, :now + id, {_AT}, {_AT} FROM n"
        " WHERE id % 10 < 2"
    ),
    (
        f"{_N} INSERT INTO action (id, enrolment_id, step, attempt, user_id, playbook, version, kind, class, priority,"
        " channel, next_channels, template, state, reason, due_at, expires_at, tries, fence, created_at, changed_at)"
        " SELECT id, id, 'hello', 1, 1 + (id - 1) * :users / :size, 'winback', 'v', 'message', 'marketing', 40, 'email', '', 'winback/offer',"
        " CASE WHEN id > :size - :size / 50 AND id % 2 = 0 THEN 'queued' WHEN id % 9001 = 0 THEN 'unknown'"
        " WHEN id % 1009 = 0 THEN 'held' WHEN id % 50 = 7 THEN 'failed' ELSE 'accepted' END,"
        " CASE WHEN id > :size - :size / 50 AND id % 8 = 0 THEN 'adapter_down' WHEN id % 50 = 7 THEN 'mailbox_unavailable'"
        f" ELSE 'due' END, {_AT}, {_AT} + 604800000, 1, 1, {_AT}, {_AT} FROM n"
    ),
    (
        "INSERT INTO action_event (action_id, at, state, reason, detail)"
        " SELECT id, changed_at, state, reason, '' FROM action ORDER BY id"
    ),
    (
        "INSERT INTO action_content (action_id, address, subject, at)"
        " SELECT id, 'u@example.com', 'Hello', changed_at FROM action WHERE id > :size * 7 / 10 ORDER BY id"
    ),
    (
        f"{_N} INSERT INTO coupon_code (coupon, code, enrolment_id, user_id, claimed_at)"
        " SELECT 'VIP20', 'V' || id, CASE WHEN id % 10 > 0 THEN id END, CASE WHEN id % 10 > 0 THEN 1 + (id - 1) * :users / :size END,"
        f" CASE WHEN id % 10 > 0 THEN {_AT} END FROM n WHERE id % 10 < 2"
    ),
    (
        "INSERT INTO tick (at, started_at, ended_at, content_version, users, transitions, enrolments, actions)"
        " SELECT :now - id * 60000, :now - id * 60000, :now - id * 60000 + 900, 'v', 1, 1, 1, 1 FROM users"
        " WHERE id <= 129600 ORDER BY id DESC"
    ),
)
"""``:size`` is the number of actions, ``:users`` that of users."""


def main() -> int:
    choice = choice_from_command_line(10_000_000, "actions")
    users = max(choice.size // ACTIONS_PER_USER, 1)
    with stores(choice.database) as made:
        url = made.fresh("status")
        app, _ = brand_app(url)
        _fill(app.database, choice.size, users)
        made.settle(url)
        files = current_files(app)
        app.clock.move_to(NOW + 10 * MINUTE)  # type: ignore[attr-defined]
        found = status_of(app, files, by_hand=False)
        checks = sorted({one.check for one in found.attention})
        taken, counted = interleaved(
            RUNS, lambda: seconds(lambda: status_of(app, files, by_hand=False)), _counting(app.database.read)
        )
        app.close()
    print(json.dumps({"checks": checks}))
    met = report(
        f"status-{choice.database}",
        ratio=taken,
        bar=BAR,
        at_most=True,
        seconds=round(taken, 4),
        to_count_of_users=round(taken / counted, 2),
        actions=choice.size,
        users=users,
    )
    return 0 if met else 1


def _fill(database: Database, size: int, users: int) -> None:
    """Fill the tables one by one, in the order of their indexes: each in a transaction of its own."""
    with database.write() as connection:
        fill_users(connection, users, NOW)
        forget_sweep(connection)
    binds = {"size": size, "users": users, "now": NOW}
    for statement in FILL:
        query = text(statement)
        with database.write() as connection:
            connection.execute(query, {name: binds[name] for name in query.compile().params})


def _counting(read: Callable[[], object]) -> Callable[[], float]:
    query = text("SELECT count(*) FROM user_due WHERE due_at > 0")

    def count() -> None:
        with read() as connection:  # type: ignore[attr-defined]
            connection.execute(query).scalar_one()

    return lambda: seconds(count)


if __name__ == "__main__":
    raise SystemExit(main())
