"""What people do with tasks, with who and why; see ``engine.tasks.changes``."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from engine.clock import Instant
from engine.control.interventions import Hand, add_count, record
from engine.store.database import Database
from engine.task_settings import TaskSettings
from engine.tasks import changes
from engine.tasks.changes import TaskHand
from engine.tasks.rows import Task, TaskState

_UNKNOWN = "somebody"
"""Who does it if the operating system has no name for the login."""


def take(database: Database, number: int, hand: Hand, now: Instant) -> Task:
    """Note that ``hand`` takes on the task; see ``changes.take``.

    Raises:
        InputError: as there. Nothing was changed.
    """
    return _by_hand(database, "task take", number, hand, now, partial(changes.take, number=number))


def done(database: Database, number: int, hand: Hand, outcome: str, now: Instant) -> Task:
    """Note that ``hand`` has done the task, and what came of it; see ``changes.close``.

    Raises:
        InputError: as there. Nothing was changed.
    """
    work = partial(changes.close, number=number, state=TaskState.DONE, outcome=outcome)
    return _by_hand(database, "task done", number, hand, now, work)


def cancel(database: Database, number: int, hand: Hand, outcome: str, now: Instant) -> Task:
    """Note that the task is not to be done; see ``changes.close``.

    Raises:
        InputError: as there. Nothing was changed.
    """
    work = partial(changes.close, number=number, state=TaskState.CANCELLED, outcome=outcome)
    return _by_hand(database, "task cancel", number, hand, now, work)


def reassign(  # noqa: PLR0917 - what the command line says
    database: Database, number: int, owner: str, hand: Hand, settings: TaskSettings, now: Instant
) -> Task:
    """Give the task to ``owner``; see ``changes.reassign``.

    Raises:
        InputError: as there. Nothing was changed.
    """
    work = partial(changes.reassign, number=number, owner=owner, settings=settings)
    return _by_hand(database, "task reassign", number, hand, now, work)


def _by_hand(  # noqa: PLR0917 - one call for each command
    database: Database, command: str, number: int, hand: Hand, now: Instant, work: Callable[..., Task]
) -> Task:
    def recorded(connection: Connection) -> Task:
        intervention = record(connection, hand, command, f"task {number}", now)
        changed = work(connection, by=TaskHand(hand.who or _UNKNOWN, now, intervention))
        add_count(connection, intervention, 1)
        return changed

    return database.in_transaction(recorded)
