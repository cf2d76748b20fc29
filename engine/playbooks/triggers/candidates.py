"""Who could enter a playbook, as SQL: where candidates come from, and the tests that each has to pass, by reason.

Binds: ``:now``; ``:since``, which is now less the playbook's ``expires``; ``:activated``; ``:playbook``.
"""

from dataclasses import dataclass

from engine.actions.worded import Worded
from engine.playbooks.reasons import PlaybookReason

Test = tuple[Worded, str]
"""Why a candidate is turned away where the SQL is not TRUE. The SQL is never NULL."""

NO_EVENT = "CAST(NULL AS BIGINT)"


@dataclass(frozen=True, slots=True)
class CandidateSource:
    """Where rows come from: each is a table's name or a subquery in parentheses."""

    users: str
    """``user_id``."""
    transitions: str
    """``id``, ``user_id``, ``dimension``, ``from_place``, ``to_place``, ``at``, ``cause``."""
    events: str
    """``id``, ``user_id``, ``name``, ``at``."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that could become enrolments."""

    rows: str
    """What follows FROM; ``u`` is the user, ``s`` the state."""
    where: str
    at: str
    """What triggers the playbook happened then; UTC milliseconds."""
    occurrence: str
    """What the enrolment is about: text that is the same for the same happening, and begins with the kind's word."""
    tie: str
    """Orders candidates of the same instant."""
    tests: tuple[Test, ...]
    """In the order in which a person would ask."""
    event: str = NO_EVENT
    """The id of the event that the playbook's messages can read."""


def with_user(key: str) -> str:
    """Return SQL that joins user ``u`` and state ``s`` of the user whose id is ``key``."""
    return f"JOIN users AS u ON u.id = {key} JOIN user_state AS s ON s.user_id = u.id"


def timely(at: str) -> tuple[Test, ...]:
    """Return the tests that what happened at ``at`` is neither too old nor older than the playbook."""
    return (
        (PlaybookReason.TRIGGER_TOO_OLD, f"{at} > :since"),
        (PlaybookReason.BEFORE_ACTIVATION, f"{at} >= :activated"),
    )
