"""Changes of actions' states under a lease: what they are, and writing a group of them under their fences."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, text

from engine.actions.content import ContentWriter, SentContent, clean
from engine.actions.following import Following, NextChannel
from engine.actions.returns import note_ended
from engine.actions.send_keys import SendKey, SendKeyWriter
from engine.actions.states import ENDED_UNSENT, LEASED_SQL, State
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


class GoneAddress(NamedTuple):
    """An address that does not exist any more, in the form of the suppression list; ``source`` is the adapter that says so."""

    channel: str
    address: str
    source: str


class Move(NamedTuple):
    """One action's change of state, valid only under ``fence``.

    ``detail`` is the program's own text, without personal data; ``provider_text`` is the provider's. ``due_at`` is when
    delivery may try the action again, None to leave that unchanged. ``tries`` is added to its count of hand-offs.
    ``via`` is an intermediate state that the log should show. ``next_channel`` creates the step's next attempt on that
    channel, with ``later_channels`` after it. ``content`` is the content of a hand-off. ``intervention`` is what a person
    did that caused it. ``send_key`` is what it has to remember to be sent again; None to leave that unchanged. ``gone`` is the address if the provider says that there is none any more: it is suppressed in the
    same transaction. ``device_id`` is the device to which a hand-off goes, None to leave that unchanged.
    """

    action_id: int
    fence: int
    state: State
    reason: str
    detail: str = ""
    provider_text: str = ""
    due_at: int | None = None
    tries: int = 0
    lease_until: int | None = None
    adapter: str | None = None
    reference: str | None = None
    via: tuple[State, str] | None = None
    next_channel: str | None = None
    later_channels: tuple[str, ...] = ()
    content: SentContent | None = None
    intervention: int | None = None
    send_key: SendKey | None = None
    gone: GoneAddress | None = None
    device_id: int | None = None


class HasFence(Protocol):
    """A claimed action, or a move of one."""

    @property
    def action_id(self) -> int:
        """The action."""
        ...

    @property
    def fence(self) -> int:
        """The fence under which this worker has it."""
        ...


class Mover:
    """Writes moves. A move is ignored if another worker has claimed the action since."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        moved = rowset(
            dialect,
            "rows",
            id="BIGINT",
            state="TEXT",
            reason="TEXT",
            due_at="BIGINT",
            tries="BIGINT",
            lease_until="BIGINT",
            adapter="TEXT",
            reference="TEXT",
            template_hash="TEXT",
            locale="TEXT",
            device_id="BIGINT",
        )
        self._update = text(
            "UPDATE action SET state = r.state, reason = r.reason, due_at = coalesce(r.due_at, action.due_at), "
            "tries = action.tries + r.tries, lease_until = r.lease_until, changed_at = :now, "
            "adapter = coalesce(r.adapter, action.adapter), reference = coalesce(r.reference, action.reference), "
            "template_hash = coalesce(r.template_hash, action.template_hash), "
            "locale = coalesce(r.locale, action.locale), device_id = coalesce(r.device_id, action.device_id) "
            f"FROM {moved} AS r WHERE action.id = r.id"
        )
        logged = rowset(
            dialect, "rows", id="BIGINT", state="TEXT", reason="TEXT", detail="TEXT", intervention_id="BIGINT"
        )
        log = (
            "INSERT INTO action_event (action_id, at, state, reason, detail, intervention_id) "
            f"SELECT r.id, :now, r.state, r.reason, r.detail, r.intervention_id FROM {logged} AS r"
        )
        self._log, self._log_numbered = text(log), text(f"{log} RETURNING id, action_id, state")
        self._content = ContentWriter(dialect)
        self._send_keys = SendKeyWriter(dialect)
        self._ours = text(_ours_sql(dialect))
        self._following = Following(dialect)

    def write(self, connection: Connection, moves: Sequence[Move], now: int) -> frozenset[int]:
        """Write those of ``moves`` whose action is still leased under their fence; return these actions' ids."""
        ours = self.still_ours(connection, moves)
        self.write_held(connection, [move for move in moves if move.action_id in ours], now)
        return ours

    def write_held(self, connection: Connection, moves: Sequence[Move], now: int) -> None:
        """Write ``moves`` of actions that ``still_ours`` returned in this transaction."""
        if not moves:
            return
        connection.execute(self._update, {"rows": pack([_row(move) for move in moves]), "now": now})
        self._write_events(connection, moves, now)
        self._content.contents(connection, [(move.action_id, move.content) for move in moves if move.content], now)
        self._send_keys.write(
            connection, [(move.action_id, move.send_key) for move in moves if move.send_key is not None]
        )
        following = [
            NextChannel(move.action_id, move.next_channel, move.later_channels) for move in moves if move.next_channel
        ]
        self._following.add_channels(connection, following, now)
        note_ended(connection, [move.action_id for move in moves if move.state in ENDED_UNSENT])

    def still_ours(self, connection: Connection, claims: Iterable[HasFence]) -> frozenset[int]:
        """Lock those of ``claims`` that their worker still holds; return their actions' ids."""
        parameters = {"rows": pack([[claim.action_id, claim.fence] for claim in claims])}
        return frozenset(connection.scalars(self._ours, parameters))

    def _write_events(self, connection: Connection, moves: Sequence[Move], now: int) -> None:
        parameters = {"rows": pack([row for move in moves for row in _log_rows(move)]), "now": now}
        texts = {(move.action_id, move.state.value): move.provider_text for move in moves if move.provider_text}
        if not texts:
            connection.execute(self._log, parameters)
            return
        numbered = connection.execute(self._log_numbered, parameters).all()
        self._content.texts(
            connection, [(row[0], texts[row[1], row[2]]) for row in numbered if (row[1], row[2]) in texts]
        )


def _row(move: Move) -> list[object]:
    return [
        move.action_id,
        move.state.value,
        str(move.reason),
        move.due_at,
        move.tries,
        move.lease_until,
        move.adapter,
        clean(move.reference) if move.reference else None,
        move.content.template_hash if move.content else None,
        move.content.locale if move.content else None,
        move.device_id,
    ]


def _log_rows(move: Move) -> Iterable[list[object]]:
    if move.via:
        state, reason = move.via
        yield [move.action_id, state.value, str(reason), "", None]
    yield [move.action_id, move.state.value, str(move.reason), clean(move.detail), move.intervention]


def _ours_sql(dialect: Dialect) -> str:
    claimed = rowset(dialect, "rows", id="BIGINT", fence="BIGINT")
    # The order prevents a deadlock with a worker that is late.
    return (
        f"SELECT a.id FROM {claimed} AS r JOIN action AS a ON a.id = r.id "
        f"WHERE a.fence = r.fence AND a.{LEASED_SQL} ORDER BY a.id{dialect.lock('a')}"
    )
