"""A user's enrolments: what triggered each, where it stands, and why it ended."""

from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, text

from engine.clock import Instant
from engine.explain.models import Moved, Passage
from engine.playbooks.file.playbook import Exit, Playbook, WaitFor
from engine.playbooks.reasons import Reason
from engine.playbooks.shelf import PlaybookShelf

_QUERY = text(
    "SELECT n.id, n.playbook, n.version, n.occurrence, n.state, n.step, n.due_at, n.trigger_at, n.entered_at,"
    " n.waiting_since, n.ended_at, n.reason, e.name AS event FROM enrolment AS n LEFT JOIN event AS e"
    " ON e.id = n.event_id WHERE n.user_id = :user_id ORDER BY n.entered_at, n.id"
)
_REASONS: Mapping[str, str] = {one.value: one.sentence for one in Reason}


def passages(
    connection: Connection, shelf: PlaybookShelf, moves: tuple[Moved, ...], user_id: int
) -> tuple[Passage, ...]:
    """Return the user's enrolments, oldest first; ``moves`` are their transitions."""
    known = {move.id: move for move in moves}
    return tuple(
        _passage(row, shelf.get(connection, row["playbook"], row["version"]), known)
        for row in connection.execute(_QUERY, {"user_id": user_id}).mappings().all()
    )


def _passage(row: RowMapping, playbook: Playbook | None, moves: Mapping[int, Moved]) -> Passage:
    active = row["state"] == "active"
    step = playbook.steps[row["step"]] if playbook and active and row["step"] < len(playbook.steps) else None
    waiting = step is not None and row["waiting_since"] is not None and isinstance(step.act, WaitFor)
    return Passage(
        id=row["id"],
        playbook=row["playbook"],
        version=row["version"],
        trigger=_trigger(row["occurrence"], row["event"], moves),
        trigger_at=Instant(row["trigger_at"]),
        entered_at=Instant(row["entered_at"]),
        state=row["state"],
        step=step.id if step else None,
        due_at=Instant(row["due_at"]),
        waits_for=step.act.event if waiting and step and isinstance(step.act, WaitFor) else None,
        ended_at=None if row["ended_at"] is None else Instant(row["ended_at"]),
        reason=row["reason"],
        sentence=_sentence(row["reason"], playbook),
    )


def _trigger(occurrence: str, event: str | None, moves: Mapping[int, Moved]) -> str:
    """Say what an occurrence is about."""
    kind, _, rest = occurrence.partition(":")
    if kind == "event":
        return f"the event {event}" if event else "an event that is no longer there"
    if kind == "transition":
        move = moves.get(int(rest)) if rest.isdigit() else None
        return f"{move.dimension}: {move.from_place or '-'} to {move.to_place or '-'}" if move else "a transition"
    if kind == "when":
        return "its condition" if rest == "1" else f"its condition, for the {rest}. time"
    return f"the date of {rest}" if kind == "date" else f"the schedule, {rest}"


def _sentence(reason: str | None, playbook: Playbook | None) -> str | None:
    if reason is None:
        return None
    if playbook and any(isinstance(step.act, Exit) and step.act.reason == reason for step in playbook.steps):
        return "A step of the playbook ended it, with this reason of its own."
    return _REASONS.get(reason)
