"""The demo's people: they do most of their tasks about a day after they got them, and forget some."""

from zlib import crc32

from engine.clock import HOUR, Instant
from engine.control import tasks
from engine.control.interventions import Hand
from engine.store.database import Database
from engine.tasks.rows import Task, TaskFilter, tasks_of

_AFTER = 20 * HOUR
_FORGOTTEN = 6
"""One task in so many is left undone."""
_AT_A_TIME = 1_000
_NAMES = ("ann", "mei", "tom")
_OUTCOMES = (
    "Wrote a card; likes to be reached by email.",
    "Called. Was pleased, and asked for samples with the next order.",
    "Called twice and left a message.",
)


def do_tasks(database: Database, now: Instant) -> int:
    """Do the tasks that are old enough at ``now``; return how many."""
    with database.read() as connection:
        there = tasks_of(connection, TaskFilter(None, None, closed_too=False), _AT_A_TIME)
    ripe = [task for task in there if task.created_at <= now - _AFTER and _drawn(task) % _FORGOTTEN]
    for task in ripe:
        hand = Hand(_NAMES[_drawn(task) % len(_NAMES)])
        tasks.done(database, task.id, hand, _OUTCOMES[_drawn(task) // 7 % len(_OUTCOMES)], now)
    return len(ripe)


def _drawn(task: Task) -> int:
    """Return a number that looks random, and is the same whenever the demo is run."""
    return crc32(f"{task.user} {task.title}".encode())
