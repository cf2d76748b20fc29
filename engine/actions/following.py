"""The further actions of a step: on its next channel, and for the user's other devices.

The numbers of attempts are the next free ones of the step. No two transactions give the same: whoever adds to a step holds the
row of the action from which the addition follows, under a lease, and besides that of the step's first attempt. Attempts that
the step itself makes are all there before any of them can be claimed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from engine.actions.described_enum import DescribedEnum
from engine.actions.reasons import LedgerReason
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset

_COPIED = "enrolment_id, step, user_id, playbook, version, kind, class, priority, template, send_window, coupon"
_SAME_STEP = "t.enrolment_id = a.enrolment_id AND t.step = a.step"
_NONE = "''"
_NEXT_FREE = f"(SELECT max(t.attempt) FROM action AS t WHERE {_SAME_STEP}) + r.place"


class NextChannel(NamedTuple):
    """The channel to try after an action, and those after it."""

    action_id: int
    channel: str
    later: tuple[str, ...]


class FurtherDevice(NamedTuple):
    """Another device of the user of an action, to which the same message goes."""

    action_id: int
    device_id: int


class Following:
    """Adds actions that follow from others, each queued and due now."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        after = rowset(dialect, "rows", id="BIGINT", place="BIGINT", channel="TEXT", later="TEXT")
        # With further devices the message reaches the user anyway. A step has each channel once: what a person has sent
        # again may be refused again, and the next channel has had its attempt.
        tried = "t.channel = a.channel AND t.id <> a.id OR t.channel = r.channel"
        beside_or_after = f"SELECT 1 FROM action AS t WHERE {_SAME_STEP} AND ({tried})"
        self._channels = text(
            f"{_insert('r.channel', 'r.later', 'CAST(NULL AS BIGINT)', LedgerReason.NEXT_CHANNEL)}"
            f" FROM {after} AS r JOIN action AS a ON a.id = r.id WHERE NOT EXISTS ({beside_or_after}) ORDER BY a.id"
            " RETURNING id"
        )
        beside = rowset(dialect, "rows", id="BIGINT", place="BIGINT", device_id="BIGINT")
        there = f"SELECT 1 FROM action AS t WHERE {_SAME_STEP} AND t.channel = a.channel AND t.device_id = r.device_id"
        self._devices = text(
            f"{_insert('a.channel', _NONE, 'r.device_id', LedgerReason.FURTHER_DEVICE)}"
            f" FROM {beside} AS r JOIN action AS a ON a.id = r.id WHERE NOT EXISTS ({there})"
            " ORDER BY a.id, r.place RETURNING id"
        )
        ids = rowset(dialect, "rows", id="BIGINT")
        self._log = text(
            "INSERT INTO action_event (action_id, at, state, reason, detail)"
            f" SELECT a.id, :now, a.state, a.reason, '' FROM {ids} AS r JOIN action AS a ON a.id = r.id"
        )
        self._first = (
            f"SELECT t.id FROM {ids} AS r JOIN action AS a ON a.id = r.id JOIN action AS t ON {_SAME_STEP}"
            " AND t.attempt = 1 AND t.id <> a.id ORDER BY t.id"
        )

    def add_channels(self, connection: Connection, following: Sequence[NextChannel], now: int) -> None:
        """Add the attempts on next channels that have had none, unless the message goes to further devices of the user."""
        rows = [[one.action_id, 1, one.channel, ",".join(one.later)] for one in following]
        self._add(connection, self._channels, rows, now)

    def add_devices(self, connection: Connection, further: Sequence[FurtherDevice], now: int) -> None:
        """Add an action for each further device that has none; those of one action stand together, in order.

        Called in the transaction that binds the action to its own device, which happens once.
        """
        places: dict[int, int] = {}
        rows: list[list[object]] = []
        for one in further:
            places[one.action_id] = places.get(one.action_id, 0) + 1
            rows.append([one.action_id, places[one.action_id], one.device_id])
        self._add(connection, self._devices, rows, now)

    def _add(self, connection: Connection, statement: TextClause, rows: Sequence[Sequence[object]], now: int) -> None:
        if not rows:
            return
        before = pack([[row[0]] for row in rows])
        self._dialect.lock_selected(connection, self._first, "t", {"rows": before})
        made = connection.execute(statement, {"rows": pack(rows), "now": now}).scalars().all()
        if made:
            connection.execute(self._log, {"rows": pack([[action] for action in sorted(made)]), "now": now})


def _insert(channel: str, later: str, device: str, reason: DescribedEnum) -> str:
    copied = ", ".join(f"a.{name}" for name in _COPIED.split(", "))
    return (
        f"INSERT INTO action ({_COPIED}, attempt, channel, next_channels, device_id, state, reason, due_at, expires_at,"
        f" tries, fence, created_at, changed_at) SELECT {copied}, {_NEXT_FREE}, {channel}, {later}, {device},"
        f" 'queued', '{reason}', :now, a.expires_at, 0, 0, :now, :now"
    )
