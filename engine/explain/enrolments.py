"""A user's enrolments: what triggered each, its current step, and why it ended."""

from collections.abc import Mapping

from sqlalchemy import Connection, RowMapping, text

from engine.actions.reasons import LedgerReason
from engine.clock import Instant
from engine.explain.models import EnrolmentRecord, PastTransition
from engine.loading import Content
from engine.playbooks.file.playbook import Playbook, Step
from engine.playbooks.reasons import PlaybookReason
from engine.playbooks.triggers.base import TriggeredBy, TriggerKind

_QUERY = text(
    "SELECT n.id, n.playbook, n.version, n.occurrence, n.state, n.step, n.due_at, n.trigger_at, n.entered_at,"
    " n.waiting_since, n.ended_at, n.reason, e.name AS event, i.who, i.why FROM enrolment AS n LEFT JOIN event AS e"
    " ON e.id = n.event_id LEFT JOIN intervention AS i ON i.id = n.intervention_id WHERE n.user_id = :user_id ORDER BY n.entered_at, n.id"
)


def enrolments(
    connection: Connection, content: Content, moves: tuple[PastTransition, ...], user_id: int
) -> tuple[EnrolmentRecord, ...]:
    """Return the user's enrolments, oldest first; ``moves`` are their transitions."""
    known = {move.id: move for move in moves}
    pinned = content.pinned()
    sentences = _sentences(content)
    return tuple(
        _record(
            row,
            pinned.get(connection, row["playbook"], row["version"]),
            _trigger(content.kinds.triggers, row["occurrence"], row["event"], known),
            sentences,
        )
        for row in connection.execute(_QUERY, {"user_id": user_id}).mappings().all()
    )


def _sentences(content: Content) -> dict[str, str]:
    """Return the sentence of each reason that an enrolment can end with, except those given by files."""
    reasons = [
        LedgerReason.CANCELLED_BY_HAND,
        *PlaybookReason,
        *(reason for kind in content.kinds.steps for reason in kind.reasons),
    ]
    return {reason.value: reason.sentence for reason in reasons}


def _record(row: RowMapping, playbook: Playbook | None, trigger: str, sentences: Mapping[str, str]) -> EnrolmentRecord:
    step = _next_step(row, playbook)
    return EnrolmentRecord(
        id=row["id"],
        playbook=row["playbook"],
        version=row["version"],
        trigger=trigger,
        trigger_at=Instant(row["trigger_at"]),
        entered_at=Instant(row["entered_at"]),
        state=row["state"],
        step=step.id if step else None,
        due_at=Instant(row["due_at"]),
        waits_for=step.act.waits_for if step and row["waiting_since"] is not None else None,
        ended_at=None if row["ended_at"] is None else Instant(row["ended_at"]),
        reason=row["reason"],
        sentence=_sentence(row["reason"], playbook, sentences),
        who=row["who"],
        why=row["why"],
    )


def _next_step(row: RowMapping, playbook: Playbook | None) -> Step | None:
    steps = playbook.steps if playbook and row["state"] == "active" else ()
    return next((step for step in steps if step.index == row["step"]), None)


def _trigger(
    kinds: tuple[TriggerKind, ...], occurrence: str, event: str | None, moves: Mapping[int, PastTransition]
) -> str:
    """Describe an occurrence, in the words of its kind of trigger."""
    word, _, rest = occurrence.partition(":")
    by = TriggeredBy(rest, event)
    if rest.isdigit() and (move := moves.get(int(rest))):
        by = TriggeredBy(rest, event, move.dimension, move.from_place, move.to_place)
    return next((kind.words(by) for kind in kinds if kind.occurrence == word), occurrence)


def _sentence(reason: str | None, playbook: Playbook | None, sentences: Mapping[str, str]) -> str | None:
    if reason is None:
        return None
    steps = playbook.steps if playbook else ()
    return next((step.act.endings[reason] for step in steps if reason in step.act.endings), sentences.get(reason))
