"""Stores with an open sweep: of users who have been placed several times, or who have never been placed."""

from itertools import pairwise

from bench import handwritten_first, handwritten_update
from bench.by_hand import execute, signatures
from bench.handwritten_rules import SLOTS, due_at
from bench.population import NOW, brand_app, change_facts, fill_facts, forget_sweep, open_rules_sweep
from bench.scores import write_scores
from engine.app import App
from engine.clock import DAY, Instant
from engine.loading import Content
from engine.store.dialects import Dialect

HISTORY = tuple(Instant(NOW - days * DAY) for days in (50, 35, 10))
"""When all users were placed before; at ``NOW`` some graces have ended, some are still running."""


def placed_store(url: str, size: int) -> None:
    """Fill an empty store: everybody was placed at each instant of ``HISTORY``, nobody is due at ``NOW``, a sweep is open.

    Since then facts have changed without an evaluation. To the rules this is the same as if they had been edited: the
    facts of a sixth of all users lead to other places than those they have. History is written by hand, because it is
    not what is measured: ``sweep`` shows that it is what the program would have written.
    """
    app, content = brand_app(url, HISTORY[0], playbooks=False)
    dialect = app.database.dialect
    found = signatures(content, dialect)
    first, later = handwritten_first.every_row(dialect, found), handwritten_update.every_row(dialect, found)
    with app.database.write() as connection:
        fill_facts(connection, dialect, size, HISTORY[0])
        forget_sweep(connection)
        execute(connection, first, HISTORY[0], content.rules.version, "behaviour")
        change_facts(connection, HISTORY[1])
        for now, following in pairwise((*HISTORY[1:], NOW)):
            execute(connection, later, now, content.rules.version, "time")
            change_facts(connection, following)
        execute(connection, (_due_by_calendar(dialect),), NOW, content.rules.version, "time")
    _open(app, content)


def unplaced_store(url: str, size: int) -> None:
    """Fill an empty store: nobody has been placed, nobody is due at ``NOW``, a sweep is open."""
    app, content = brand_app(url, playbooks=False)
    with app.database.write() as connection:
        fill_facts(connection, app.database.dialect, size, NOW)
        forget_sweep(connection)
    _open(app, content)


def _open(app: App, content: Content) -> None:
    """Open the sweep that has to place everybody, over right scores, and close the app."""
    write_scores(app, content, NOW)
    with app.database.write() as connection:
        open_rules_sweep(connection, content.version)
    app.close()


def _due_by_calendar(dialect: Dialect) -> str:
    """Return the statement that makes everybody due when time next changes anything, which is after ``NOW``."""
    columns = {"edge_at": "s.edge_at", **{f"wait_{slot}": f"s.wait_{slot}" for slot in SLOTS}}
    return (
        f"INSERT INTO user_due AS d (user_id, due_at, evaluated_at) SELECT s.user_id,"
        f" {due_at(dialect, columns)}, :now - 1 FROM user_state AS s WHERE true"
        " ON CONFLICT (user_id) DO UPDATE SET due_at = excluded.due_at, evaluated_at = excluded.evaluated_at"
    )
