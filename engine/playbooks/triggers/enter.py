"""``enter = { lifecycle = "at_risk" }``: the user came to a place, and still stands there."""

from dataclasses import dataclass

from pydantic import model_validator

from engine.conditions.condition import Condition
from engine.conditions.types import PlaceType
from engine.content.values import Name
from engine.playbooks.file.part import FilePart
from engine.playbooks.triggers.base import Trigger, TriggerKind
from engine.playbooks.triggers.candidates import Candidates, CandidateSource
from engine.playbooks.triggers.transitions import (
    OCCURRENCE,
    MoveReason,
    MoveSection,
    check_place,
    move_words,
    moves,
    stands_in,
)
from engine.store.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Enter(Trigger):
    """The user came to a place, and still stands there."""

    dimension: str
    place: str
    stands: Condition
    segment: bool
    """The place is a segment: coming from nowhere is then the rule."""
    causes: tuple[str, ...]

    @property
    def reads_transitions(self) -> bool:
        """Always."""
        return True

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return who moved there, and whether it counts."""
        # Without the first test the import of an old customer base would write to everybody in it.
        placed_before = (MoveReason.FIRST_PLACEMENT, f"(u.first_seen_at > :since OR {self._placed_before()})")
        still_there = (MoveReason.MOVED_ON, self.stands.holds_sql(dialect))
        return moves(
            source,
            dialect,
            side="to_place",
            dimension=self.dimension,
            place=self.place,
            causes=self.causes,
            tests=(placed_before, still_there),
        )

    def _placed_before(self) -> str:
        if not self.segment:
            return "t.from_place IS NOT NULL"
        # A segment is always entered from nowhere; that the user was placed before shows in any earlier transition.
        return "EXISTS (SELECT 1 FROM transition AS p WHERE p.user_id = t.user_id AND p.at < t.at)"


class EnterSection(MoveSection):
    """``[trigger]`` with ``enter``."""

    enter: dict[Name, Name]
    """Dimension -> the place that is entered."""

    @model_validator(mode="after")
    def _one_place(self) -> "EnterSection":
        if len(self.enter) != 1:
            raise ValueError("`enter` names exactly one dimension and its place")
        return self

    def compile(self, part: FilePart) -> Enter | None:
        """Return the trigger, or None where dimension, place or cause does not exist."""
        self.check_causes(part)
        dimension, place = next(iter(self.enter.items()))
        if not check_place(part, "enter", dimension, place):
            return None
        stands = stands_in(part, "enter", dimension, place)
        if stands is None:
            return None
        kind = part.references.scope.names[dimension].type
        return Enter(dimension, place, stands, isinstance(kind, PlaceType) and kind.many, self.on)


ENTER = TriggerKind("enter", EnterSection, OCCURRENCE, move_words, tuple(MoveReason))
