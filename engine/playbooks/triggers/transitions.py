"""What ``enter`` and ``leave`` have in common: a user moved in a dimension, for one of the causes that count."""

from collections.abc import Iterable

from engine.actions.described_enum import DescribedEnum
from engine.conditions.condition import Condition
from engine.content.findings import did_you_mean
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import TriggeredBy, TriggerSection
from engine.playbooks.triggers.candidates import Candidates, CandidateSource, Test, timely, with_user
from engine.store.due import ANSWERED, Cause
from engine.store.statement import quoted

CAUSES = tuple(cause.value for cause in Cause)
"""The possible values of ``transition.cause``."""
OCCURRENCE = "transition"


class MoveReason(DescribedEnum):
    """Why a transition does not enrol the user."""

    OTHER_CAUSE = "other_cause", "The user moved, but not for one of the causes in the trigger's `on`."
    FIRST_PLACEMENT = (
        "first_placement",
        "This was the user's first placement, and the user had been known for longer than `expires`.",
    )
    MOVED_ON = "moved_on", "The user has moved again since the trigger."


class MoveSection(TriggerSection):
    """The keys that ``enter`` and ``leave`` have besides the place."""

    on: tuple[str, ...] = tuple(cause.value for cause in ANSWERED)
    """The causes that count. Edited rules and calibrations do not count by default, because they are not the user's doing."""

    def check_causes(self, part: FilePart) -> None:
        """Note an error for each unknown cause, or if there is none."""
        if not self.on:
            part.find('`on` needs at least one cause, such as `on = ["behaviour", "time"]`', "on")
        for cause in self.on:
            part.check_known("cause", cause, CAUSES, "on")


def _check_place(part: FilePart, key: str, dimension: str, place: str) -> bool:
    """Tell whether a dimension and its place exist; if not, note an error."""
    references = part.references
    if dimension in references.scope.broken:
        return False  # reported in the dimension's own file
    if not part.check_known("dimension", dimension, references.places, key, dimension):
        return False
    known = references.places[dimension]
    if place not in known:
        part.find(f"`{dimension}` has no place `{place}`{did_you_mean(place, known)}", key, dimension)
    return place in known


def in_place_condition(part: FilePart, key: str, dimension: str, place: str) -> Condition | None:
    """Return the condition that the user is in a place; None, with an error noted, if there is no such place."""
    if not _check_place(part, key, dimension, place):
        return None
    return part.condition(f"{dimension} = '{place}'", key, dimension)


def moves(
    source: CandidateSource,
    *,
    side: str,
    dimension: str,
    place: str,
    causes: Iterable[str],
    tests: tuple[Test, ...],
) -> Candidates:
    """Return the candidates among transitions whose ``side`` (``to_place``, ``from_place``) is the place."""
    listed = ", ".join(quoted(cause) for cause in causes)
    return Candidates(
        rows=f"{source.transitions} AS t {with_user('t.user_id')}",
        where=(f"t.dimension = {quoted(dimension)} AND t.{side} = {quoted(place)} AND t.at <= :now"),
        at="t.at",
        occurrence=f"'{OCCURRENCE}:' || CAST(t.id AS TEXT)",
        user="t.user_id",
        tie="t.id",
        # Rows from before causes were recorded count as behaviour.
        tests=(
            *timely("t.at"),
            (MoveReason.OTHER_CAUSE, f"coalesce(t.cause, '{Cause.BEHAVIOUR}') IN ({listed})"),
            *tests,
        ),
    )


def move_words(by: TriggeredBy) -> str:
    """Describe the transition."""
    if by.dimension is None:
        return "a transition"
    return f"{by.dimension}: {by.from_place or '-'} to {by.to_place or '-'}"
