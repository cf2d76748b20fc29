"""Reading the action log: each action as it stands, or each change that it went through."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries to read; None asks for all. ``user`` is the brand's key. Instants are UTC milliseconds.

    ``since`` is inclusive, ``until`` is not.
    """

    user: str | None = None
    playbook: str | None = None
    channel: str | None = None
    state: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None


class LogEntry(NamedTuple):
    """One line of the log. ``number`` is the action's, or in a history the change's."""

    number: int
    at: int
    user: str
    address: str | None
    playbook: str
    step: str
    attempt: int
    kind: str
    message_class: str
    channel: str | None
    state: str
    reason: str
    detail: str
    tries: int
    version: str


_USER = "coalesce(u.key, '#' || a.user_id)"
"""An erased user has a number only."""

_ACTIONS = (
    f"SELECT a.id, a.changed_at, {_USER}, {{address}}, a.playbook, a.step, a.attempt, a.kind, a.class, a.channel, "
    "a.state, a.reason, coalesce((SELECT c.detail FROM action_event AS c WHERE c.action_id = a.id "
    "ORDER BY c.id DESC LIMIT 1), ''), a.tries, a.version "
    "FROM action AS a LEFT JOIN users AS u ON u.id = a.user_id"
)
_CHANGES = (
    f"SELECT v.id, v.at, {_USER}, {{address}}, a.playbook, a.step, a.attempt, a.kind, a.class, a.channel, "
    "v.state, v.reason, v.detail, a.tries, a.version "
    "FROM action_event AS v JOIN action AS a ON a.id = v.action_id LEFT JOIN users AS u ON u.id = a.user_id"
)


def read_actions(connection: Connection, wanted: LogFilter, limit: int, address: str = "NULL") -> list[LogEntry]:
    """Return the actions that were made last, the newest at the end, each with its latest change.

    ``address`` is SQL for the address on the channel of the action ``a`` of the user ``u``; without it none is read.
    """
    return _read(connection, _ACTIONS.format(address=address), wanted, "a", "a.changed_at", "a.id DESC", limit)


def read_changes(connection: Connection, wanted: LogFilter, limit: int, address: str = "NULL") -> list[LogEntry]:
    """Return the newest changes of actions, the newest at the end; ``address`` as in ``read_actions``."""
    return _read(connection, _CHANGES.format(address=address), wanted, "v", "v.at", "v.at DESC, v.id DESC", limit)


def _read(  # noqa: PLR0917
    connection: Connection, select: str, wanted: LogFilter, of: str, at: str, order: str, limit: int
) -> list[LogEntry]:
    conditions, parameters = _conditions(wanted, at, of)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    # Both orders are those of an index, so that the newest are found without looking at the rest.
    query = text(f"{select}{where} ORDER BY {order} LIMIT :limit")
    found = connection.execute(query, {**parameters, "limit": limit}).all()
    return [LogEntry._make(row) for row in reversed(found)]


def _conditions(wanted: LogFilter, at: str, of: str) -> tuple[list[str], dict[str, Any]]:
    possible = {
        "user": "a.user_id = (SELECT w.id FROM users AS w WHERE w.key = :user)",
        "playbook": "a.playbook = :playbook",
        "channel": "a.channel = :channel",
        "state": f"{of}.state = :state",
        "reason": f"{of}.reason = :reason",
        "since": f"{at} >= :since",
        "until": f"{at} < :until",
    }
    given = {name: value for name in possible if (value := getattr(wanted, name)) is not None}
    return [possible[name] for name in given], given


class Follower:
    """Reads what is new, again and again.

    Numbers and instants of changes become visible out of order where several workers write, so it looks back a little
    further than it has read, and remembers what it has shown.
    """

    LOOK_BACK = 60_000
    _AT_ONCE = 10_000

    def __init__(self, wanted: LogFilter, since: int, address: str = "NULL") -> None:
        self._wanted = wanted
        self._address = address
        self._newest = since
        self._shown: dict[int, int] = {}

    def skip(self, entries: list[LogEntry]) -> None:
        """Count ``entries`` as shown."""
        for entry in entries:
            self._shown[entry.number] = entry.at
            self._newest = max(self._newest, entry.at)

    def read(self, connection: Connection) -> list[LogEntry]:
        """Return the changes that have come since, oldest first."""
        horizon = self._newest - self.LOOK_BACK
        wanted = replace(self._wanted, since=max(horizon, self._wanted.since or 0))
        newest = read_changes(connection, wanted, self._AT_ONCE, self._address)
        fresh = [entry for entry in newest if entry.number not in self._shown]
        self.skip(fresh)
        self._shown = {number: at for number, at in self._shown.items() if at >= horizon}
        return fresh
