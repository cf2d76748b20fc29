"""Computing the first facts of all users from their events, in chunks, compared with one hand-written GROUP BY.

The program's time is that of a tick's chunks up to the facts: users are taken, looked at, and their facts written into
``user_state``. The hand-written SQL writes the same columns into a new table, in one statement, without a key; nobody who
needs all facts of all users could do with less.
"""

from functools import partial

from sqlalchemy import Connection

from bench.common import choice_from_command_line, in_subprocess, interleaved, report, seconds
from bench.events import random_events
from bench.handwritten_facts import facts
from bench.population import NOW, brand_app, brand_content, forget_sweep
from bench.scores import SCORES
from bench.stores import stores
from engine.loading import Content
from engine.rules.decide.decider import Deciders
from engine.rules.evaluation import Evaluation
from engine.settings import ScheduleSettings
from engine.store.database import Database
from engine.store.due import take_due_users
from engine.store.statement import statement

BAR = 1.5
EVENTS_PER_USER = 20
RUNS = 3


def main() -> bool:
    """Measure, compare, report."""
    choice = choice_from_command_line(1_000_000, "users; events are 20 times as many")
    content = brand_content()
    with stores(choice.database) as kept:
        url = kept.fresh("store")
        in_subprocess(fill, url, choice.size)
        kept.settle(url)
        database = Database(url)
        evaluation = Evaluation(content.catalog, content.rules, database.dialect, Deciders())
        ours, floor = interleaved(RUNS, partial(_first_facts, database, evaluation), partial(_by_hand, database))
        differing = _differing(database, content)
        database.close()
    fine = report(
        "first_facts", ratio=ours / floor, bar=BAR, at_most=True, database=choice.database, size=choice.size,
        events=choice.size * EVENTS_PER_USER, seconds=round(ours, 2), floor=round(floor, 2), differing_rows=differing,
    )  # fmt: skip
    return fine and not differing


def fill(url: str, size: int) -> None:
    """Make the store."""
    app, _ = brand_app(url)
    with app.database.write() as connection:
        random_events(connection, app.database.dialect, size, size * EVENTS_PER_USER)
        forget_sweep(connection)
    app.close()


def _first_facts(database: Database, evaluation: Evaluation) -> float:
    """Reset the users to the state that intake leaves them in, without facts; return the seconds for computing them."""
    delete = "TRUNCATE" if database.dialect.name == "postgresql" else "DELETE FROM"
    with database.write() as connection:
        for table in ("user_state", "user_due"):
            connection.exec_driver_sql(f"{delete} {table}")
        connection.exec_driver_sql("INSERT INTO user_due (user_id, due_at) SELECT id, 0 FROM users ORDER BY id")
    return seconds(partial(_in_chunks, database, evaluation))


def _in_chunks(database: Database, evaluation: Evaluation) -> None:
    def work(connection: Connection) -> int:
        taken = take_due_users(connection, database.dialect, NOW, ScheduleSettings().chunk)
        evaluation.find_facts(connection, NOW)
        # Stands in for the end of a tick's chunk, where the rules set the next ``due_at``.
        later = "UPDATE user_due SET due_at = :now + 1 WHERE user_id IN (SELECT user_id FROM due_user)"
        connection.execute(statement(later), {"now": NOW})
        return taken

    while database.in_transaction(work):
        pass


def _by_hand(database: Database) -> float:
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS by_hand")
    return seconds(partial(_create_by_hand, database))


def _create_by_hand(database: Database) -> None:
    with database.write() as connection:
        connection.execute(statement(f"CREATE TABLE by_hand AS {facts(database.dialect, now=str(NOW))}"))


def _differing(database: Database, content: Content) -> int:
    """Count the users whose facts differ. Scores are left out: they are NULL, because nothing has been calibrated yet."""
    names = {*content.catalog.facts} - {*SCORES}
    same = database.dialect.same
    with database.read() as connection:
        by_hand = {*database.dialect.columns(connection, "by_hand")} - {"user_id", "edge_at"}
        if by_hand != names:
            raise SystemExit(f"the facts by hand are not those of the brand: {', '.join(sorted(by_hand ^ names))}")
        differ = [f"NOT ({same(f's.fact_{name}', f'h.{name}')})" for name in sorted(names)]
        differ.append(f"NOT ({same('s.edge_at', 'h.edge_at')})")
        joined = "by_hand AS h LEFT JOIN user_state AS s ON s.user_id = h.user_id"
        query = f"SELECT count(*) FROM {joined} WHERE s.user_id IS NULL OR {' OR '.join(differ)}"
        return int(connection.execute(statement(query)).scalar_one())


if __name__ == "__main__":
    raise SystemExit(not main())
