"""What a store shows of its life, in terms that outlive a change of the schema: the one place that knows the tables.

Every query names its columns, so that a column more does not matter. Internal numbers are replaced by what they stand
for (a user's key, an event's key, what a transition was), for two programs may number alike things differently.

Left out are: how many users a tick evaluated, which is the program's own business; a provider's words and reference,
whose place may change; the code of a coupon that was given out after the snapshot, of which the shape is kept.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from tests.migration.table import Row, Table, Value

SLOTS = ("lifecycle", "rank", "value", "interests__explorer", "interests__generous", "interests__upset")
"""Where users stand since when, and since when they would fall."""
PLACES = ("place_lifecycle", "place_rank", "place_value", "place_interests")
STANDING = (*PLACES, *(f"{what}_{slot}" for slot in SLOTS for what in ("since", "wait")))

Keys = Mapping[int, Row]
"""Internal number -> what it stands for."""

_HOLDER = ("user", "playbook", "occurrence")
_ACTION = (
    "version", "kind", "class", "priority", "channel", "next_channels", "template", "send_window", "coupon", "state",
    "reason", "due_at", "expires_at", "tries", "adapter", "created_at", "changed_at",
)  # fmt: skip
_ENROLMENT = ("version", "state", "step", "due_at", "trigger_at", "entered_at", "waiting_since", "ended_at", "reason")
_SHOWN = 4
"""Rows of each kind that a difference quotes."""


def observe(url: str, since: int) -> dict[str, Table]:
    """Return all that can be compared of the store at ``url``; ``since`` is the instant of the snapshot."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        enrolments = _enrolment_keys(connection)
        actions = _action_keys(connection, enrolments)
        tables = {
            "placements": _placements(connection),
            "transitions": _transitions(connection),
            "enrolments": _enrolments(connection, enrolments),
            "actions": _actions(connection, actions),
            "action_events": _action_events(connection, actions),
            "coupon_codes": _coupon_codes(connection, enrolments, since),
            "ticks": _ticks(connection),
        }
    return {name: Table(table.columns, sorted(table.rows, key=_order)) for name, table in tables.items()}


def observe_mail(folder: Path) -> Table:
    """Return when a mail was sent to whom about what, of each that was captured in ``folder``."""
    found = (_mail(path.read_bytes()) for path in folder.rglob("*.eml"))
    return Table(("at", "recipient", "subject"), sorted(found, key=_order))


def differences(expected: Mapping[str, Table], found: Mapping[str, Table]) -> list[str]:
    """Return in sentences which rows are not there and which are there beside the expected ones."""
    said: list[str] = []
    for name in {**expected, **found}:
        if name not in expected or name not in found:
            said.append(f"{name}: only one of the two has it")
            continue
        if expected[name].columns != found[name].columns:
            said.append(f"{name}: columns {found[name].columns} instead of {expected[name].columns}")
        wanted, there = Counter(expected[name].rows), Counter(found[name].rows)
        said += _sentences(name, "missing", wanted - there) + _sentences(name, "unexpected", there - wanted)
    return said


def _sentences(name: str, what: str, rows: Counter[Row]) -> list[str]:
    if not rows:
        return []
    shown = [f"  {row}" for row in sorted(rows, key=_order)[:_SHOWN]]
    return ["\n".join([f"{name}: {rows.total()} {what}, such as", *shown])]


# --- what numbers stand for -------------------------------------------------------------------------------------------


def _enrolment_keys(connection: Connection) -> Keys:
    """Return enrolment -> user, playbook, occurrence."""
    events = {int(number): str(key) for number, key in connection.execute(text("SELECT id, key FROM event"))}
    moves = {
        number: f"{dimension}:{before or ''}>{after or ''}:{at}"
        for number, dimension, before, after, at in connection.execute(
            text("SELECT id, dimension, from_place, to_place, at FROM transition")
        )
    }
    known: Mapping[str, Mapping[int, str]] = {"event": events, "transition": moves}

    def meaning(occurrence: str) -> str:
        kind, _, number = occurrence.partition(":")
        return f"{kind}:{known[kind].get(int(number), 'lost')}" if kind in known else occurrence

    rows = connection.execute(
        text("SELECT n.id, u.key, n.playbook, n.occurrence FROM enrolment AS n JOIN users AS u ON u.id = n.user_id")
    )
    return {number: (user, playbook, meaning(occurrence)) for number, user, playbook, occurrence in rows}


def _action_keys(connection: Connection, enrolments: Keys) -> Keys:
    """Return action -> user, playbook, occurrence, step, attempt."""
    rows = connection.execute(text("SELECT id, enrolment_id, step, attempt FROM action"))
    return {number: (*enrolments[enrolment], step, attempt) for number, enrolment, step, attempt in rows}


# --- the tables -------------------------------------------------------------------------------------------------------


def _placements(connection: Connection) -> Table:
    columns = ", ".join(f"s.{column}" for column in STANDING)
    rows = connection.execute(text(f"SELECT u.key, {columns} FROM user_state AS s JOIN users AS u ON u.id = s.user_id"))
    return Table(("user", *STANDING), [tuple(row) for row in rows])


def _transitions(connection: Connection) -> Table:
    rows = connection.execute(
        text(
            "SELECT u.key, t.dimension, t.from_place, t.to_place, t.at, t.rule"
            " FROM transition AS t JOIN users AS u ON u.id = t.user_id"
        )
    )
    return Table(("user", "dimension", "from_place", "to_place", "at", "rule"), [tuple(row) for row in rows])


def _enrolments(connection: Connection, keys: Keys) -> Table:
    rows = connection.execute(text(f"SELECT id, {', '.join(_ENROLMENT)} FROM enrolment"))
    return Table((*_HOLDER, *_ENROLMENT), [(*keys[number], *row) for number, *row in rows])


def _actions(connection: Connection, keys: Keys) -> Table:
    rows = connection.execute(text(f"SELECT id, {', '.join(_ACTION)} FROM action"))
    return Table((*_HOLDER, "step_id", "attempt", *_ACTION), [(*keys[number], *row) for number, *row in rows])


def _action_events(connection: Connection, keys: Keys) -> Table:
    """Each action's life in its order: ``number`` counts from 1."""
    rows = connection.execute(text("SELECT action_id, at, state, reason FROM action_event ORDER BY action_id, id"))
    numbers: Counter[int] = Counter()
    lines: list[Row] = []
    for action, *row in rows:
        numbers[action] += 1
        lines.append((*keys[action], numbers[action], *row))
    return Table((*_HOLDER, "step_id", "attempt", "number", "at", "state", "reason"), lines)


def _coupon_codes(connection: Connection, keys: Keys, since: int) -> Table:
    rows = connection.execute(text("SELECT coupon, code, expires_at, claimed_at, enrolment_id FROM coupon_code"))
    lines: list[Row] = []
    for coupon, code, expires_at, claimed_at, enrolment in rows:
        known = claimed_at is None or claimed_at <= since
        holder = keys[enrolment] if enrolment is not None else (None, None, None)
        lines.append((coupon, code if known else _shape(code), expires_at, claimed_at, *holder))
    return Table(("coupon", "code", "expires_at", "claimed_at", *_HOLDER), lines)


def _shape(code: str) -> str:
    prefix, dash, rest = code.partition("-")
    return f"{prefix}{dash}{re.sub(r'[0-9A-Z]', '?', rest)}"


def _ticks(connection: Connection) -> Table:
    rows = connection.execute(text("SELECT at, transitions, enrolments, actions, error FROM tick"))
    return Table(("at", "transitions", "enrolments", "actions", "error"), [tuple(row) for row in rows])


def _mail(octets: bytes) -> Row:
    unfolded = octets.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ")
    head = dict(line.split(": ", 1) for line in unfolded.split("\r\n"))
    subject = str(make_header(decode_header(head["Subject"])))
    at = parsedate_to_datetime(head["Date"]).astimezone().timestamp()
    return (int(at) * 1_000, head["To"], subject)


def _order(row: Iterable[Value]) -> tuple[tuple[str, str | int | float], ...]:
    """Sort rows whatever they hold; nothing comes first."""
    return tuple(("", "") if value is None else (type(value).__name__, value) for value in row)
