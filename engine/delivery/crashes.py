"""Recovery at once from workers of this machine that have died, by what their files of messages in flight tell.

Messages whose adapter call had not begun go back to the queue; those that the provider had accepted are accepted; those
whose call had begun are unknown. Whatever no believable file tells of is left to ``recover``, which waits for the lease.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Row, text

from engine.actions.moves import Move, Mover
from engine.actions.send_keys import stored_key
from engine.actions.states import LEASED_SQL, State
from engine.clock import Clock
from engine.delivery.identity import message_key
from engine.delivery.in_flight.boot import boot_id
from engine.delivery.in_flight.crashed import DeadWorker, dead_workers
from engine.delivery.in_flight.form import Entry, Origin, Stage
from engine.delivery.journal import Journal
from engine.delivery.outcomes import unknown
from engine.delivery.reasons import DeliveryReason
from engine.delivery.recover import Recovered
from engine.settings import DeliverySettings
from engine.store.database import Database
from engine.store.rowset import pack, rowset
from engine.store.secrets import InstallationSecret

_FOLDER = Path("var/in-flight")
"""Where files are if the settings name no folder and the store is not a file."""

_log = structlog.get_logger("habitue.delivery")


class Crashes:
    """Opens this worker's file of messages in flight, and recovers from those of dead workers."""

    def __init__(
        self, database: Database, installation: InstallationSecret, settings: DeliverySettings, clock: Clock
    ) -> None:
        self._database = database
        self._installation = installation
        self._settings = settings
        self._clock = clock
        self._boot = boot_id()
        self._mover = Mover(database.dialect)
        ids = rowset(database.dialect, "rows", id="BIGINT", fence="BIGINT")
        # In the order of ids, so that it cannot deadlock with a worker that is late.
        self._leased = text(
            f"SELECT a.id, a.fence, a.state, a.tries, a.send_key, a.send_key_until, a.in_doubt_since FROM {ids} AS r JOIN action AS a ON a.id = r.id"
            f" WHERE a.fence = r.fence AND a.{LEASED_SQL} ORDER BY a.id{database.dialect.lock('a')}"
        )

    @property
    def folder(self) -> Path:
        """Where workers of this store have their files."""
        if self._settings.in_flight_folder is not None:
            return self._settings.in_flight_folder
        file = self._database.file
        return _FOLDER if file is None else file.with_name(f"{file.name}-in-flight")

    async def open(self, journal: Journal) -> None:
        """Open this worker's file, before the first hand-off."""
        if (origin := await asyncio.to_thread(self._origin)) is not None:
            journal.in_flight.open(origin)

    async def recover(self, journal: Journal) -> int:
        """Recover from the workers that have died; return how many actions changed."""
        if self._boot is None or not _is_folder(self.folder):
            return 0
        total = 0
        if (origin := await asyncio.to_thread(self._origin)) is not None:
            for dead in dead_workers(self.folder, origin, journal.in_flight.owns):
                total += await self._recover(journal, dead)
        return total

    async def _recover(self, journal: Journal, dead: DeadWorker) -> int:
        done = False
        try:
            found = await journal.run(partial(self._write, dead.entries), durable=True)
            done = True
        finally:
            dead.close(done=done)
        if found:
            _log.warning("worker_crashed", released=found.released, unknown=found.unknown, accepted=found.accepted)
        return found.changed

    def _origin(self) -> Origin | None:
        """Return what files have to match; the URL tells a store from its copies."""
        if self._boot is None:
            return None
        return Origin(self._boot, message_key(self._installation.value(), "in flight", self._database.shown_url))

    def _write(self, entries: Sequence[Entry], connection: Connection) -> Recovered:
        known = {(entry.action_id, entry.fence): entry for entry in entries}
        rows = {"rows": pack([[entry.action_id, entry.fence] for entry in entries])}
        if not entries:
            return Recovered()
        leased = connection.execute(self._leased, rows).all()
        moves = [self._move(row, known[row.id, row.fence]) for row in leased]
        if moves:
            self._mover.write(connection, moves, self._clock.now())
        states = Counter(move.state for move in moves)
        accepted = states[State.ACCEPTED]
        return Recovered(states[State.QUEUED], len(moves) - states[State.QUEUED] - accepted, accepted)

    def _move(self, row: Row[Any], entry: Entry) -> Move:
        if row.state == State.CLAIMED:
            return Move(row.id, row.fence, State.QUEUED, DeliveryReason.LEASE_RAN_OUT)
        if entry.stage is Stage.WAITING:
            return Move(row.id, row.fence, State.QUEUED, DeliveryReason.NOT_BEGUN, tries=-1)
        if entry.stage is Stage.ACCEPTED:
            reference, adapter = entry.reference or None, entry.adapter
            return Move(
                row.id, row.fence, State.ACCEPTED, DeliveryReason.ACCEPTED, adapter=adapter, reference=reference
            )
        now, settings = self._clock.now(), self._settings
        key = stored_key(row.send_key, row.send_key_until, row.in_doubt_since)
        return unknown(row.id, row.fence, row.tries, DeliveryReason.NO_ANSWER, now=now, settings=settings, key=key)


def _is_folder(path: Path) -> bool:
    """Tell whether ``path`` is a folder; one that cannot be looked at must not keep leases from being recovered."""
    try:
        return path.is_dir()
    except OSError:
        return False
