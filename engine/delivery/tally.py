"""Counting what a delivery pass did."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.actions.moves import Move
from engine.actions.states import State
from engine.breaker import Alarm


@dataclass(frozen=True)
class DeliveryCounts:
    """Actions by the state they ended in, by state and reason, and the alarms of what is down."""

    states: Mapping[State, int]
    reasons: Mapping[tuple[State, str], int]
    alarms: tuple[Alarm, ...] = ()

    @property
    def total(self) -> int:
        """How many moves there were; an action that was deferred and later sent counts twice."""
        return sum(self.states.values())

    @property
    def accepted(self) -> int:
        """How many messages a provider accepted."""
        return self.states.get(State.ACCEPTED, 0)


class Tally:
    """Counts moves."""

    def __init__(self) -> None:
        self._reasons: Counter[tuple[State, str]] = Counter()

    def count(self, moves: Iterable[Move]) -> None:
        """Add moves that were written."""
        self._reasons.update((move.state, str(move.reason)) for move in moves)

    def drained(self, alarms: Iterable[Alarm]) -> DeliveryCounts:
        """Return the numbers so far."""
        states: Counter[State] = Counter()
        for (state, _), number in self._reasons.items():
            states[state] += number
        return DeliveryCounts(dict(states), dict(self._reasons), tuple(alarms))
