"""``enter = { lifecycle = "at_risk" }``: the user moved to a place and is still in it."""

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
    in_place_condition,
    move_words,
    moves,
)
from engine.store.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Enter(Trigger):
    """Fires when a user moved to a place and is still in it."""

    dimension: str
    place: str
    in_place: Condition
    segment: bool
    """Whether the place is a segment, which users enter from no place."""
    causes: tuple[str, ...]

    @property
    def reads_transitions(self) -> bool:
        """Always true."""
        return True

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return the users who moved to the place, and the tests of whether that counts."""
        # Without this test, importing an existing customer base would send messages to all of it.
        placed_before = (MoveReason.FIRST_PLACEMENT, f"(u.first_seen_at > :since OR {self._placed_before()})")
        still_there = (MoveReason.MOVED_ON, self.in_place.holds_sql(dialect))
        return moves(
            source,
            side="to_place",
            dimension=self.dimension,
            place=self.place,
            causes=self.causes,
            tests=(placed_before, still_there),
        )

    def _placed_before(self) -> str:
        if not self.segment:
            return "t.from_place IS NOT NULL"
        # A segment is always entered from no place; any earlier transition shows that the user was placed before.
        return "EXISTS (SELECT 1 FROM transition AS p WHERE p.user_id = t.user_id AND p.at < t.at)"


class EnterSection(MoveSection):
    """``[trigger]`` with ``enter``."""

    enter: dict[Name, Name]
    """One dimension -> the place that is entered."""

    @model_validator(mode="after")
    def _one_place(self) -> "EnterSection":
        if len(self.enter) != 1:
            raise ValueError("`enter` takes exactly one dimension and place")
        return self

    def compile(self, part: FilePart) -> Enter | None:
        """Return the trigger, or None if the dimension, place or a cause does not exist."""
        self.check_causes(part)
        dimension, place = next(iter(self.enter.items()))
        in_place = in_place_condition(part, "enter", dimension, place)
        if in_place is None:
            return None
        kind = part.references.scope.names[dimension].type
        return Enter(dimension, place, in_place, isinstance(kind, PlaceType) and kind.many, self.on)


ENTER = TriggerKind("enter", EnterSection, OCCURRENCE, move_words, tuple(MoveReason))
