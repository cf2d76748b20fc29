"""Enrolment: candidates who pass every test enter, set-wise, once per occurrence.

Triggers are evaluated for the users in ``due_user``, in the transaction that placed them; date and schedule triggers
are evaluated in ``occasions``. A trigger stays open for the playbook's ``expires``: a user who starts to match the
audience within that time enters.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from engine.clock import Instant
from engine.conditions.sql import NOW
from engine.playbooks.breakers import PartKind, PlaybookBreakers, attribute_bugs_to, part_of
from engine.playbooks.candidates import candidates
from engine.playbooks.file.playbook import Playbook, Playbooks
from engine.playbooks.triggers.candidates import Candidates, CandidateSource
from engine.playbooks.versions import activations
from engine.store.dialects import Dialect
from engine.store.due import due_again
from engine.store.statement import quoted, statement
from engine.store.temporary import DUE_USER, analyse, drop_temporary, temporary

_TRANSITIONS = "recent_transition"
_EVENTS = "recent_event"
DUE = CandidateSource(DUE_USER, _TRANSITIONS, _EVENTS)


class Enrol:
    """Enrols the users of a chunk in the playbooks that they trigger."""

    def __init__(self, playbooks: Playbooks, dialect: Dialect, breakers: PlaybookBreakers) -> None:
        self._dialect = dialect
        self._breakers = breakers
        self._playbooks = playbooks.open
        self._statements: dict[str, str] = {}

    def run(self, connection: Connection, now: Instant) -> int:
        """Enrol the users in ``due_user`` at ``now``; return how many enrolments were created.

        Raises:
            PlaybookAtFault: a trigger's code has a bug.
        """
        since = activations(connection)
        entry = ((p, part_of(p, PartKind.ENTRY)) for p in self._playbooks if p.name in since)
        active = [p for p, part in entry if not self._breakers.paused(part, now) and _runs_by_chunk(p)]
        if not active:
            return 0
        self._collect_transitions(connection, active, now)
        self._collect_events(connection, active, now)
        made = sum(self._enter(connection, playbook, since[playbook.name], now) for playbook in active)
        drop_temporary(connection, _TRANSITIONS)
        drop_temporary(connection, _EVENTS)
        for playbook in active:
            self._schedule_reentry(connection, playbook, now)
        return made

    def _enter(self, connection: Connection, playbook: Playbook, activated: int, now: Instant) -> int:
        with attribute_bugs_to(part_of(playbook, PartKind.ENTRY), connection):
            if playbook.name not in self._statements:
                self._statements[playbook.name] = insertion(playbook, DUE, self._dialect)
            return insert_candidates(connection, playbook, self._statements[playbook.name], activated, now)

    def _schedule_reentry(self, connection: Connection, playbook: Playbook, now: Instant) -> None:
        """Make users due at the end of the re-entry wait of a ``when`` trigger; nothing else would make them due then."""
        if not isinstance(playbook.reentry, int):
            return
        with attribute_bugs_to(part_of(playbook, PartKind.ENTRY)):
            if not playbook.trigger.conditions:
                return
        again = (
            f"SELECT n.user_id, max(n.entered_at) + {playbook.reentry} AS again FROM {DUE_USER} AS d"
            " JOIN enrolment AS n ON n.user_id = d.user_id WHERE n.playbook = :playbook GROUP BY n.user_id"
        )
        due_again(connection, again, {"playbook": playbook.name, "now": now})

    def _collect_transitions(self, connection: Connection, active: list[Playbook], now: Instant) -> None:
        """Collect the recent transitions of the chunk's users, once for all playbooks."""
        playbooks = [p for p in active if _reads(p).transitions]
        columns = "id BIGINT, user_id BIGINT, dimension TEXT, from_place TEXT, to_place TEXT, at BIGINT, cause TEXT"
        temporary(connection, self._dialect, _TRANSITIONS, columns)
        if not playbooks:
            return
        connection.execute(
            statement(
                f"INSERT INTO {_TRANSITIONS} SELECT t.id, t.user_id, t.dimension, t.from_place, t.to_place, t.at,"
                f" t.cause FROM {DUE_USER} AS d JOIN transition AS t ON t.user_id = d.user_id"
                " WHERE t.at > :oldest AND t.at <= :now"
            ),
            {"oldest": now - max(p.expires for p in playbooks), "now": now},
        )
        analyse(connection, self._dialect, _TRANSITIONS)

    def _collect_events(self, connection: Connection, active: list[Playbook], now: Instant) -> None:
        """Collect the recent events of the chunk's users, once for all playbooks."""
        temporary(connection, self._dialect, _EVENTS, "id BIGINT, user_id BIGINT, name TEXT, at BIGINT")
        oldest: dict[str, int] = {}
        for playbook in active:
            for name in _reads(playbook).events:
                oldest[name] = min(oldest.get(name, now), now - playbook.expires)
        for name, since in oldest.items():
            connection.execute(
                statement(
                    f"INSERT INTO {_EVENTS} SELECT e.id, e.user_id, e.name, e.at"
                    f" FROM {DUE_USER} AS d JOIN event AS e ON e.user_id = d.user_id"
                    f" WHERE e.name = {name} AND e.at > :oldest AND e.at <= :now"
                ),
                {"oldest": since, "now": now},
            )
        analyse(connection, self._dialect, _EVENTS)


class _Reads(NamedTuple):
    """What a trigger's candidates come from: transitions, and events of these names, as SQL."""

    transitions: bool
    events: list[str]


def _reads(playbook: Playbook) -> _Reads:
    with attribute_bugs_to(part_of(playbook, PartKind.ENTRY)):
        events = sorted(quoted(name) for name in playbook.trigger.reads_events)
        return _Reads(playbook.trigger.reads_transitions, events)


def _runs_by_chunk(playbook: Playbook) -> bool:
    with attribute_bugs_to(part_of(playbook, PartKind.ENTRY)):
        return playbook.trigger.local_time is None


def insertion(playbook: Playbook, source: CandidateSource, dialect: Dialect, narrowed: str = "") -> str:
    """Return SQL that enrols the candidates from ``source``.

    ``narrowed`` is another condition over ``u`` and ``s``. With re-entry ``always`` every candidate enters; otherwise
    only the earliest candidate of each user does.
    """
    found = candidates(playbook, source, dialect)
    chosen = "TRUE" if playbook.reentry == "always" else "c.place_in_line = 1"
    return (
        "INSERT INTO enrolment (playbook, version, user_id, occurrence, state, step, due_at, trigger_at, event_id,"
        " entered_at) SELECT :playbook, :version, c.user_id, c.occurrence, 'active', 0, c.at, c.at, c.event_id,"
        f" {NOW} FROM ({_who_pass(found, narrowed)}) AS c WHERE {chosen}"
        " ORDER BY c.at, c.user_id, c.occurrence ON CONFLICT (playbook, user_id, occurrence) DO NOTHING"
    )


def _who_pass(found: Candidates, narrowed: str) -> str:
    tests = [found.where, *(test for _, test in found.tests), *([narrowed] if narrowed else [])]
    return (
        f"SELECT u.id AS user_id, {found.at} AS at, {found.occurrence} AS occurrence, {found.event} AS event_id,"
        f" row_number() OVER (PARTITION BY u.id ORDER BY {found.at}, {found.tie}) AS place_in_line"
        f" FROM {found.rows} WHERE {' AND '.join(tests)}"
    )


def insert_candidates(connection: Connection, playbook: Playbook, sql: str, activated: int, now: Instant) -> int:
    """Run an ``insertion``; return how many enrolments it created."""
    binds = {
        "playbook": playbook.name,
        "version": playbook.version,
        "now": now,
        "since": now - playbook.expires,
        "activated": activated,
    }
    return connection.execute(statement(sql), binds).rowcount
