"""Mistakes in a condition, with their positions in its text."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import HabitueError


@dataclass(frozen=True, slots=True, order=True)
class ConditionError:
    """One mistake. ``offset`` counts characters from 0; ``line`` and ``column`` count from 1, within the text."""

    offset: int
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class ConditionErrors(HabitueError):
    """A condition is invalid; ``errors`` has every mistake found, in the order of the text."""

    def __init__(self, errors: Sequence[ConditionError]) -> None:
        self.errors = tuple(sorted(set(errors)))
        super().__init__("\n".join(str(error) for error in self.errors))


def located(text: str, offset: int, message: str) -> ConditionError:
    """Return a mistake at ``offset`` in ``text``, with its line and column."""
    before = text[:offset]
    return ConditionError(offset, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1, message)
