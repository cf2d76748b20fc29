"""``leave = { value = "high" }``: the user left a place and has not come back."""

from dataclasses import dataclass

from pydantic import model_validator

from engine.conditions.condition import Condition
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
class Leave(Trigger):
    """Fires when a user left a place and has not come back."""

    dimension: str
    place: str
    in_place: Condition
    causes: tuple[str, ...]

    @property
    def reads_transitions(self) -> bool:
        """Always true."""
        return True

    def candidates(self, source: CandidateSource, dialect: Dialect) -> Candidates:
        """Return the users who left the place, and the tests of whether that counts."""
        stayed_away = (MoveReason.MOVED_ON, f"NOT {self.in_place.holds_sql(dialect)}")
        return moves(
            source,
            side="from_place",
            dimension=self.dimension,
            place=self.place,
            causes=self.causes,
            tests=(stayed_away,),
        )


class LeaveSection(MoveSection):
    """``[trigger]`` with ``leave``."""

    leave: dict[Name, Name]
    """One dimension -> the place that is left."""

    @model_validator(mode="after")
    def _one_place(self) -> "LeaveSection":
        if len(self.leave) != 1:
            raise ValueError("`leave` takes exactly one dimension and place")
        return self

    def compile(self, part: FilePart) -> Leave | None:
        """Return the trigger, or None if the dimension, place or a cause does not exist."""
        self.check_causes(part)
        dimension, place = next(iter(self.leave.items()))
        in_place = in_place_condition(part, "leave", dimension, place)
        return Leave(dimension, place, in_place, self.on) if in_place else None


LEAVE = TriggerKind("leave", LeaveSection, OCCURRENCE, move_words, (MoveReason.OTHER_CAUSE, MoveReason.MOVED_ON))
