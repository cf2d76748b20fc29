"""Reading the action log: actions in their current state, or every change of state."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries to read; a field that is None does not filter. ``user`` is the user's id.

    Instants are UTC milliseconds; ``since`` is inclusive, ``until`` is exclusive.
    """

    user: int | None = None
    playbook: str | None = None
    channel: str | None = None
    state: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None


class LogEntry(NamedTuple):
    """One line of the log. ``number`` is the id of the action, or of the change in a history.

    ``address``, ``subject`` and ``code`` are those of the hand-off, as long as they are kept; None if the message has
    not been handed off. ``detail`` includes the provider's text.
    """

    number: int
    at: int
    user: str
    address: str | None
    subject: str | None
    code: str | None
    playbook: str
    step: str
    attempt: int
    kind: str
    message_class: str
    channel: str | None
    template: str | None
    template_hash: str | None
    locale: str | None
    state: str
    reason: str
    detail: str
    tries: int
    version: str
    who: str | None
    """The person who caused the change by hand, as claimed; None if the program did."""
    why: str | None
    """The person's reason."""


_USER = "coalesce(u.key, '#' || a.user_id)"
"""An erased user is shown by number."""
_DETAIL = (
    "coalesce(v.detail, '') || CASE WHEN v.detail <> '' AND t.said IS NOT NULL THEN ': ' ELSE '' END"
    " || coalesce(t.said, '')"
)
_SENT = "k.address, k.subject, k.code"
_ACTION = "a.playbook, a.step, a.attempt, a.kind, a.class, a.channel, a.template, a.template_hash, a.locale"
_USERS = "LEFT JOIN users AS u ON u.id = a.user_id"
_WAS_SENT = "k.action_id = a.id AND a.tries > 0"
"""A hand-off that was undone, because its adapter was down, sent nothing."""
_TEXTS = "LEFT JOIN provider_text AS t ON t.event_id = v.id LEFT JOIN intervention AS i ON i.id = v.intervention_id"

_ACTIONS = (
    f"SELECT a.id, a.changed_at, {_USER}, {_SENT}, {_ACTION}, a.state, a.reason, {_DETAIL}, a.tries, a.version, i.who, i.why "
    f"FROM action AS a {_USERS} LEFT JOIN action_content AS k ON {_WAS_SENT} LEFT JOIN action_event AS v "
    f"ON v.id = (SELECT max(c.id) FROM action_event AS c WHERE c.action_id = a.id) {_TEXTS}"
)
# If a message was handed off again, its content is no longer known for changes before that.
_CHANGES = (
    f"SELECT v.id, v.at, {_USER}, {_SENT}, {_ACTION}, v.state, v.reason, {_DETAIL}, a.tries, a.version, i.who, i.why "
    f"FROM action_event AS v JOIN action AS a ON a.id = v.action_id {_USERS} "
    f"LEFT JOIN action_content AS k ON {_WAS_SENT} AND k.at <= v.at {_TEXTS}"
)


def read_actions(connection: Connection, wanted: LogFilter, limit: int) -> list[LogEntry]:
    """Return the newest actions, the newest last, each with its latest change."""
    return _read(connection, _ACTIONS, wanted, "a", "a.changed_at", "a.id DESC", limit)


def read_changes(connection: Connection, wanted: LogFilter, limit: int) -> list[LogEntry]:
    """Return the newest changes of actions, the newest last."""
    return _read(connection, _CHANGES, wanted, "v", "v.at", "v.at DESC, v.id DESC", limit)


def _read(  # noqa: PLR0917
    connection: Connection, select: str, wanted: LogFilter, of: str, at: str, order: str, limit: int
) -> list[LogEntry]:
    conditions, parameters = _conditions(wanted, at, of)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    # Both orders match an index, so that the newest rows are found without reading the rest.
    query = text(f"{select}{where} ORDER BY {order} LIMIT :limit")
    found = connection.execute(query, {**parameters, "limit": limit}).all()
    return [LogEntry._make(row) for row in reversed(found)]


def _conditions(wanted: LogFilter, at: str, of: str) -> tuple[list[str], dict[str, Any]]:
    possible = {
        "user": "a.user_id = :user",
        "playbook": "a.playbook = :playbook",
        "channel": "a.channel = :channel",
        "state": f"{of}.state = :state",
        "reason": f"{of}.reason = :reason",
        "since": f"{at} >= :since",
        "until": f"{at} < :until",
    }
    given = {name: value for name in possible if (value := getattr(wanted, name)) is not None}
    return [possible[name] for name in given], given


def stands_in_log(connection: Connection, column: str, word: str) -> bool:
    """Tell whether the log has ``word`` in a ``column`` of actions or of their changes. It may read all of it."""
    tables = ("action", "action_event") if column == "reason" else ("action",)
    queries = (text(f"SELECT 1 FROM {table} WHERE {column} = :word LIMIT 1") for table in tables)
    return any(connection.execute(query, {"word": word}).first() is not None for query in queries)


class Follower:
    """Reads new changes each time it is asked.

    Changes become visible out of order if several workers write, so it looks back a little further than it has read,
    and remembers which changes it has returned.
    """

    LOOK_BACK = 60_000
    _AT_ONCE = 10_000

    def __init__(self, wanted: LogFilter, since: int) -> None:
        self._wanted = wanted
        self._newest = since
        self._shown: dict[int, int] = {}

    def skip(self, entries: list[LogEntry]) -> None:
        """Treat ``entries`` as already returned."""
        for entry in entries:
            self._shown[entry.number] = entry.at
            self._newest = max(self._newest, entry.at)

    def read(self, connection: Connection) -> list[LogEntry]:
        """Return the changes that are new since the last call, oldest first."""
        horizon = self._newest - self.LOOK_BACK
        wanted = replace(self._wanted, since=max(horizon, self._wanted.since or 0))
        newest = read_changes(connection, wanted, self._AT_ONCE)
        fresh = [entry for entry in newest if entry.number not in self._shown]
        self.skip(fresh)
        self._shown = {number: at for number, at in self._shown.items() if at >= horizon}
        return fresh
