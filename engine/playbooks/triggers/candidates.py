"""The candidates for a playbook, as SQL: where they come from, and the tests that each must pass, by reason.

Binds: ``:now``; ``:since``, which is now minus the playbook's ``expires``; ``:activated``; ``:playbook``.
"""

from dataclasses import dataclass

from engine.actions.described_enum import DescribedEnum
from engine.playbooks.reasons import PlaybookReason

Test = tuple[DescribedEnum, str]
"""The reason why a candidate does not enter, and SQL that is TRUE for those who pass, FALSE otherwise, never NULL."""

NO_EVENT = "CAST(NULL AS BIGINT)"


@dataclass(frozen=True, slots=True)
class CandidateSource:
    """Where candidates are read from: each field is a table's name or a subquery in parentheses."""

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
    """SQL to follow FROM; ``u`` is the user, ``s`` the user's state."""
    where: str
    at: str
    """When the trigger occurred, UTC milliseconds."""
    occurrence: str
    """Text that identifies the trigger's occurrence, so that it enrols once; begins with the kind's prefix.

    It should not change if rows are lost and made anew, because Message-IDs are derived from it, unless ``event`` is given.
    """
    tie: str
    """Orders candidates with the same instant."""
    tests: tuple[Test, ...]
    """In the order in which a person would check them."""
    user: str
    """The user's id in the rows that the candidates come from; ``with_user`` joins it."""
    event: str = NO_EVENT
    """The id of the event that the playbook's messages can use."""


def with_user(key: str) -> str:
    """Return SQL that joins the user ``u`` and the state ``s`` of the user with the id ``key``."""
    return f"JOIN users AS u ON u.id = {key} JOIN user_state AS s ON s.user_id = u.id"


def timely(at: str) -> tuple[Test, ...]:
    """Return the tests that ``at`` is neither longer ago than ``expires`` nor before the playbook was first applied."""
    return (
        (PlaybookReason.TRIGGER_TOO_OLD, f"{at} > :since"),
        (PlaybookReason.BEFORE_ACTIVATION, f"{at} >= :activated"),
    )
