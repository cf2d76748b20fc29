"""Dates and schedules: each occasion is taken once per time zone, by whichever worker is first.

The row in ``slot`` and the enrolments of its occasion are one transaction, so a crash undoes both. Users are found by
zone or, for dates, through the index of ``user_date``: an hour without occasions reads no users. Users who change later
(a birthday that becomes known on the day) are enrolled when they are due.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, bindparam, text

from engine.calendar.zones import NO_ZONE, zone_or
from engine.clock import Instant
from engine.errors import StoreValueError
from engine.playbooks.breakers import (
    USER_PARTS,
    PartKind,
    PlaybookAtFault,
    PlaybookBreakers,
    attribute_bugs_to,
    part_of,
)
from engine.playbooks.enrol import DUE, insert_candidates, insertion
from engine.playbooks.exits_and_waits import ExitsAndWaits
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.triggers.base import LocalTimeTrigger, Occasion
from engine.playbooks.triggers.candidates import CandidateSource
from engine.playbooks.triggers.occasions import OCCASION, occasions_between
from engine.playbooks.versions import activations
from engine.store.database import Transactions
from engine.store.dialects import Dialect
from engine.store.halving import in_halves
from engine.store.quarantine import UNREADABLE, BadRowFound, RowKind, quarantine
from engine.store.statement import quoted
from engine.store.temporary import DUE_USER, drop_temporary, temporary

_EVERYBODY = "SELECT id AS user_id FROM users"
_BUCKET = 100_000
"""Users per transaction if a schedule is for everyone."""
_log = structlog.get_logger("habitue.tick")
_AT_ONCE = 500
"""Slots looked up in one query."""


@dataclass(frozen=True, slots=True)
class _LocalTimePlaybook:
    """A playbook with a date or schedule trigger."""

    playbook: Playbook
    trigger: LocalTimeTrigger

    @property
    def schedule(self) -> str:
        """The name under which slots are taken; a changed trigger gets a new name."""
        return f"{self.playbook.name}|{self.trigger.key}"


class Occasions:
    """Enrols users on their dates and on schedules."""

    def __init__(
        self,
        playbooks: Playbooks,
        dialect: Dialect,
        brand_zone: str,
        exits_and_waits: ExitsAndWaits,
        breakers: PlaybookBreakers,
    ) -> None:
        """``brand_zone`` is used for users whose time zone is unknown.

        ``exits_and_waits`` ends enrolments before their first step if the playbook's exit already holds.
        """
        self._exits_and_waits = exits_and_waits
        self._breakers = breakers
        self._dialect = dialect
        self._brand_zone = ZoneInfo(brand_zone)
        self._playbooks = playbooks.open
        self._taken_until: dict[str, Instant] = {}
        """Playbook -> the instant up to which this process has taken all occasions, to avoid searching again."""

    def run(self, database: Transactions, now: Instant) -> int:
        """Take the occasions that are due and enrol their users, in short transactions; return how many enrolments.

        A bug in a trigger's code stops only its playbook, whose occasions are taken later.
        """
        running = self._running(now)
        if not running:
            return 0
        with database.read() as connection:
            since = activations(connection)
            zones = self._zones(connection, "SELECT name FROM zone ORDER BY name")
            last_user = connection.execute(text("SELECT coalesce(max(id), 0) FROM users")).scalar_one()
        made = 0
        for one, activated in _active(running, since):
            try:
                for bucket, found in self._untaken(one, zones, activated, last_user, now):
                    take = partial(self._take, one=one, bucket=bucket, found=found, now=now)
                    made += database.in_transaction(take)
                self._taken_until[one.playbook.name] = now
            except PlaybookAtFault as fault:
                self._breakers.fail(fault, now)
        return made

    def _running(self, now: Instant) -> list[_LocalTimePlaybook]:
        """Return the playbooks with dates and schedules that are not paused; pause those whose code has a bug."""
        running = []
        for playbook in self._playbooks:
            # Whoever enters has to be able to leave at once.
            if any(self._breakers.paused(part_of(playbook, part), now) for part in USER_PARTS):
                continue
            try:
                with attribute_bugs_to(part_of(playbook, PartKind.ENTRY)):
                    trigger = playbook.trigger.local_time
            except PlaybookAtFault as fault:
                self._breakers.fail(fault, now)
            else:
                running += [] if trigger is None else [_LocalTimePlaybook(playbook, trigger)]
        return running

    def _untaken(
        self, one: _LocalTimePlaybook, zones: Mapping[str, ZoneInfo], activated: int, last_user: int, now: Instant
    ) -> "Sequence[tuple[_Bucket, Sequence[Occasion]]]":
        """Return the occasions that this process has not taken yet, for each range of users."""
        with attribute_bugs_to(part_of(one.playbook, PartKind.ENTRY)):
            found = occasions_between(one.trigger, zones, self._since(one.playbook, activated, now), now)
            if not found:
                return []
            everybody = one.trigger.users(found) is None
            return [
                (bucket, found) for bucket in (_buckets(last_user) if everybody else (_Bucket(0, 0, last_user + 1),))
            ]

    def catch_up(self, connection: Connection, now: Instant) -> int:
        """Enrol the users in ``due_user`` for recent occasions that they did not match at the time.

        Raises:
            PlaybookAtFault: a trigger's code has a bug.
        """
        running = self._running(now)
        if not running:
            return 0
        since = activations(connection)
        zones = self._zones(
            connection,
            f"SELECT DISTINCT coalesce(u.timezone, '') FROM {DUE_USER} AS d JOIN users AS u ON u.id = d.user_id",
        )
        made = 0
        for one, activated in _active(running, since):
            with attribute_bugs_to(part_of(one.playbook, PartKind.ENTRY), connection):
                found = occasions_between(one.trigger, zones, max(now - one.playbook.expires, activated - 1), now)
                made += self._enrol(connection, one.playbook, insertion(one.playbook, DUE, self._dialect), found, now)
        return made

    def _zones(self, connection: Connection, query: str) -> dict[str, ZoneInfo]:
        names = [NO_ZONE, *(name for (name,) in connection.execute(text(query)))]
        return {name: zone_or(name, self._brand_zone) for name in names}

    def _since(self, playbook: Playbook, activated: int, now: Instant) -> int:
        taken_until = self._taken_until.get(playbook.name, 0)
        return max(now - playbook.expires, activated - 1, taken_until if taken_until <= now else 0)

    def _take(
        self,
        connection: Connection,
        one: _LocalTimePlaybook,
        bucket: "_Bucket",
        found: Sequence[Occasion],
        now: Instant,
    ) -> int:
        """Take the occasions that no worker has taken yet, and enrol their users."""
        with attribute_bugs_to(part_of(one.playbook, PartKind.ENTRY), connection):
            taken = _claim(connection, one.schedule, bucket, found, now)
            return self._enrol_all(connection, one, bucket, taken, now)

    def _enrol_all(
        self,
        connection: Connection,
        one: _LocalTimePlaybook,
        bucket: "_Bucket",
        taken: Sequence[Occasion],
        now: Instant,
    ) -> int:
        """Enrol the users of ``bucket`` for the occasions ``taken``, and quarantine those whose values are bad."""
        users = one.trigger.users(taken)
        source = CandidateSource(f"({users or _EVERYBODY})", "transition", "event")
        # With a plus, so that SQLite finds the users of a trigger by their index, and not by this range.
        user, zones = ("+u.id", "TRUE") if users else ("u.id", _in_zones(taken))

        def enrol(low: int, high: int) -> int:
            narrowed = f"{user} >= {low} AND {user} < {high} AND {zones}"
            sql = insertion(one.playbook, source, self._dialect, narrowed)
            return self._enrol(connection, one.playbook, sql, taken, now)

        try:
            made, bad = in_halves(connection, bucket.low, bucket.high, enrol)
        except StoreValueError as error:  # for too many users: their values are not at fault
            raise PlaybookAtFault(part_of(one.playbook, PartKind.ENTRY)) from error
        self._quarantine(connection, bad, now)
        if made and one.playbook.has_exit:
            # This tick's user chunks, which check exits, are already done.
            self._exits_and_waits.entered(connection, one.playbook.name, now)
        return made

    def _quarantine(self, connection: Connection, bad: Mapping[int, str], now: Instant) -> None:
        """Quarantine users whom the database cannot enrol; ``catch_up`` enrols them when they are retried.

        Which users these are is known only after the others' enrolments are written, so they are locked out of order.
        There are a few at most; if they meet another worker's chunk, one of the two transactions is repeated.
        """
        rows = [BadRowFound(RowKind.USER, user, "occasions", UNREADABLE, detail) for user, detail in bad.items()]
        quarantine(connection, rows, now)
        for user, detail in bad.items():
            _log.error("row quarantined", kind=str(RowKind.USER), row=user, error=detail)

    def _enrol(
        self, connection: Connection, playbook: Playbook, sql: str, found: Sequence[Occasion], now: Instant
    ) -> int:
        if not found:
            return 0
        fill_occasions(connection, self._dialect, found)
        # Occasions before the activation were already left out.
        made = insert_candidates(connection, playbook, sql, 0, now)
        drop_temporary(connection, OCCASION)
        return made


def _active(
    playbooks: Iterable[_LocalTimePlaybook], since: Mapping[str, int]
) -> Iterator[tuple[_LocalTimePlaybook, int]]:
    """Yield the playbooks that were applied, each with the instant at which it first was."""
    return ((one, since[one.playbook.name]) for one in playbooks if one.playbook.name in since)


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A range of users, so that a schedule for everyone does not block other writers with one long transaction."""

    number: int
    low: int
    high: int
    """One past the last id."""


def _buckets(last_user: int) -> Iterator[_Bucket]:
    for number in range(last_user // _BUCKET + 1):
        yield _Bucket(number, number * _BUCKET, (number + 1) * _BUCKET)


def _in_zones(found: Sequence[Occasion]) -> str:
    """Return a condition that tells the users in the zones of ``found`` before they are joined with the occasions."""
    zones = ", ".join(quoted(zone) for zone in sorted({one.zone for one in found}))
    return f"coalesce(u.timezone, '') IN ({zones or 'NULL'})"


def _claim(
    connection: Connection, schedule: str, bucket: _Bucket, found: Sequence[Occasion], now: Instant
) -> list[Occasion]:
    """Take the slots of the occasions ``found``; return the occasions whose slots were free."""
    slots = [f"{occasion.slot}|{occasion.zone}|{bucket.number}" for occasion in found]
    known = _taken(connection, schedule, list(dict.fromkeys(slots)))
    mine = {
        slot for slot in dict.fromkeys(slots) if slot not in known and _insert_slot(connection, schedule, slot, now)
    }
    return [occasion for occasion, slot in zip(found, slots, strict=True) if slot in mine]


def _taken(connection: Connection, schedule: str, slots: list[str]) -> set[str]:
    query = text("SELECT slot FROM slot WHERE schedule = :schedule AND slot IN :slots").bindparams(
        bindparam("slots", expanding=True)
    )
    found: set[str] = set()
    for start in range(0, len(slots), _AT_ONCE):
        rows = connection.execute(query, {"schedule": schedule, "slots": slots[start : start + _AT_ONCE]})
        found.update(slot for (slot,) in rows)
    return found


def _insert_slot(connection: Connection, schedule: str, slot: str, now: Instant) -> bool:
    """Take one slot; return whether it was free. Waits for a worker that is just taking it."""
    taking = text("INSERT INTO slot (schedule, slot, taken_at) VALUES (:schedule, :slot, :now) ON CONFLICT DO NOTHING")
    return connection.execute(taking, {"schedule": schedule, "slot": slot, "now": now}).rowcount == 1


def fill_occasions(connection: Connection, dialect: Dialect, found: Sequence[Occasion]) -> None:
    """Create the temporary table of occasions that candidates are joined with."""
    temporary(connection, dialect, OCCASION, "zone TEXT, day TEXT, year TEXT, at BIGINT, occurrence TEXT")
    if not found:
        return
    connection.execute(
        text(f"INSERT INTO {OCCASION} VALUES (:zone, :day, :year, :at, :occurrence)"),
        [
            {"zone": one.zone, "day": one.day, "year": one.year, "at": one.at, "occurrence": one.occurrence}
            for one in found
        ],
    )
