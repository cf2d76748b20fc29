"""The content of actions: everything that identifies a person, stored separately from the action.

``action_content`` has the message as of its last hand-off, ``provider_text`` the provider's text for an event. Both are
kept for ``schedule.keep_content`` and deleted by an erasure; the action and its events stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


@dataclass(frozen=True, slots=True)
class SentContent:
    """One message as it is handed off.

    ``address`` is the address sent to, ``subject`` the message's summary in lists, ``code`` its coupon code, ``values``
    the values that the template read. ``template_hash`` is the hash of the template's files, ``locale`` the locale of
    the template that was rendered.
    """

    address: str
    subject: str
    code: str | None
    template_hash: str
    locale: str
    values: Mapping[str, object] = field(default_factory=dict)


class ContentWriter:
    """Writes contents and providers' texts in groups, in the transaction that changes the actions' states."""

    def __init__(self, dialect: Dialect) -> None:
        columns = rowset(
            dialect, "rows", id="BIGINT", address="TEXT", subject="TEXT", code="TEXT", template_values="TEXT"
        )
        values = dialect.as_json("r.template_values")
        named = ("address", "subject", "code", "template_values", "at")
        self._content = text(
            f"INSERT INTO action_content (action_id, {', '.join(named)}) "
            f"SELECT r.id, r.address, r.subject, r.code, {values}, :now FROM {columns} AS r WHERE true "
            f"ON CONFLICT (action_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in named)}"
        )
        said = rowset(dialect, "rows", id="BIGINT", said="TEXT")
        self._said = text(f"INSERT INTO provider_text (event_id, said) SELECT r.id, r.said FROM {said} AS r")

    def contents(self, connection: Connection, contents: Iterable[tuple[int, SentContent]], now: int) -> None:
        """Write the contents of actions, by id; they replace the contents of earlier hand-offs."""
        rows = [
            [action_id, clean(one.address), clean(one.subject), one.code, storable_json(one.values)]
            for action_id, one in contents
        ]
        if rows:
            connection.execute(self._content, {"rows": pack(rows), "now": now})

    def texts(self, connection: Connection, texts: Sequence[tuple[int, str]]) -> None:
        """Write providers' texts, by the event's id."""
        if texts:
            connection.execute(self._said, {"rows": pack([[event_id, clean(said)] for event_id, said in texts])})


def forget_contents(connection: Connection, before: Instant) -> None:
    """Delete contents and providers' texts that are older than ``before``."""
    connection.execute(text("DELETE FROM action_content WHERE at < :before"), {"before": before})
    # Ids of events ascend with time, so the newest old event gives the limit without reading all of them.
    newest = "SELECT id FROM action_event WHERE at < :before ORDER BY at DESC, id DESC LIMIT 1"
    connection.execute(text(f"DELETE FROM provider_text WHERE event_id <= ({newest})"), {"before": before})


def clean(said: str) -> str:
    """Return ``said`` in a form that both databases can store."""
    if said.isascii() and "\x00" not in said:
        return said
    return said.replace("\x00", "").encode("utf-8", "replace").decode()


def storable_json(values: Mapping[str, object]) -> str:
    """Return ``values`` as JSON that both databases accept, whatever a customer's data contains."""
    try:
        found = orjson.dumps(values).decode()
    except TypeError:  # a number beyond 64 bits, or text that is not Unicode
        return orjson.dumps(_plain(values)).decode()
    return orjson.dumps(_plain(values)).decode() if "\\u0000" in found else found


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case Mapping():
            return {clean(str(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case bool() | None | float():
            return value
        case int():
            return value if abs(value) < 2**63 else str(value)
        case _:
            return clean(str(value))
