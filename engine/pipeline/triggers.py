"""What is asked about users after they were evaluated, and what follows if that fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from engine.clock import Instant
from engine.errors import StoreError
from engine.pipeline.progress import Progress
from engine.playbooks.breakers import PlaybookAtFault, PlaybookBreakers
from engine.playbooks.enrol import Enrol
from engine.playbooks.exits_and_waits import ExitsAndWaits
from engine.playbooks.occasions import Occasions
from engine.store.due import due_again
from engine.store.temporary import DUE_USER


class TakesNote(Protocol):
    """Takes note of chunks that failed; see ``BadRowIsolation``."""

    def failed(self, error: Exception, now: Instant) -> tuple[int, ...]:
        """Raise ``error`` if no row is to blame; return the ids of rows that are not to blame after all."""
        ...


@dataclass(frozen=True, slots=True)
class Triggers:
    """The first parts of playbooks."""

    enrol: Enrol
    occasions: Occasions
    exits_and_waits: ExitsAndWaits
    breakers: PlaybookBreakers

    def run(self, connection: Connection, now: Instant) -> int:
        """Enrol the users of ``due_user``, and let them leave or go on; return how many enrolments were created."""
        made = self.enrol.run(connection, now) + self.occasions.catch_up(connection, now)
        self.exits_and_waits.run(connection, now)
        if (again := self.breakers.users_retry_at(now)) is not None:
            query = f"SELECT user_id, CAST(:again AS BIGINT) AS again FROM {DUE_USER}"
            due_again(connection, query, {"again": again, "now": now})
        return made

    def attempt(self, work: Callable[[], Progress | None], rows: TakesNote, now: Instant) -> Progress | None:
        """Do ``work``; after an error that can be isolated, nothing was done, and there is still something to do."""
        try:
            return work()
        except PlaybookAtFault as fault:
            self.breakers.fail(fault, now)
        except (StoreError, DBAPIError) as error:
            if rows.failed(error, now):
                raise
        return Progress()
