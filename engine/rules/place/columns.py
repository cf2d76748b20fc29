"""What a decision makes of a user's row ``s``: the new value of each column, and whether it changes anything.

The same twice: while the decision's row is joined, and while an upsert writes what was carried over from it.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from engine.rules.dimension import Dimension


class DecisionSql(Protocol):
    """Where a decision is read from, as SQL."""

    def place(self, dimension: Dimension) -> str:
        """The place that was decided."""
        ...

    def old(self, dimension: Dimension) -> str:
        """The place until now; '' if there was none."""
        ...

    def moved(self, dimension: Dimension, slot: int) -> str:
        """The test that the user moves in a slot."""
        ...

    def waits(self, dimension: Dimension, slot: int) -> str:
        """The test that the user waits in a slot."""
        ...

    def again(self, level: Iterable[Dimension]) -> str:
        """The test that another transition of the level matches already."""
        ...


class Joined:
    """The decision's row itself, ``d_<dimension>`` in a join."""

    def alias(self, dimension: Dimension) -> str:
        """The alias of the dimension's decision."""
        return f"d_{dimension.name}"

    def place(self, dimension: Dimension) -> str:
        """A column of the decision, as everything here."""
        return f"{self.alias(dimension)}.place"

    def old(self, dimension: Dimension) -> str:
        """It is part of the situation."""
        return f"{self.alias(dimension)}.old"

    def moved(self, dimension: Dimension, slot: int) -> str:
        """A flag of 0 or 1."""
        return f"{self.alias(dimension)}.moved_{slot} = 1"

    def waits(self, dimension: Dimension, slot: int) -> str:
        """A flag of 0 or 1."""
        return f"{self.alias(dimension)}.waits_{slot} = 1"

    def again(self, level: Iterable[Dimension]) -> str:
        """A flag of 0 or 1, of any dimension."""
        return " OR ".join(f"{self.alias(dimension)}.again = 1" for dimension in level)


class Carried:
    """The row ``excluded`` of an upsert: a place, and flags in the columns that they are about; see ``carried``."""

    def place(self, dimension: Dimension) -> str:
        """In its own column."""
        return f"excluded.{dimension.place}"

    def old(self, dimension: Dimension) -> str:
        """Not carried, because the user's row has it."""
        return f"coalesce(s.{dimension.place}, '')"

    def moved(self, dimension: Dimension, slot: int) -> str:
        """In the column of the instant since when."""
        return f"excluded.{dimension.slots[slot].since} = 1"

    def waits(self, dimension: Dimension, slot: int) -> str:
        """In the column of the wait."""
        return f"excluded.{dimension.slots[slot].wait} = 1"

    def again(self, level: Iterable[Dimension]) -> str:
        """In the column of the edge."""
        return "excluded.edge_at = 1"


JOINED, CARRIED = Joined(), Carried()


def carried(level: tuple[Dimension, ...]) -> dict[str, str]:
    """Return column -> SQL, over joined decisions, of what ``excluded`` holds."""
    columns: dict[str, str] = {}
    for dimension in level:
        columns[dimension.place] = JOINED.place(dimension)
        for index, slot in enumerate(dimension.slots):
            columns[slot.since] = _flag(JOINED.moved(dimension, index))
            if slot.graces:
                columns[slot.wait] = _flag(JOINED.waits(dimension, index))
    return columns | {"edge_at": _flag(JOINED.again(level))}


def _flag(test: str) -> str:
    return f"CASE WHEN {test} THEN 1 ELSE 0 END"


def new_values(level: tuple[Dimension, ...], decision: DecisionSql) -> dict[str, str]:
    """Return column -> SQL of its new value, from the decision and the row ``s``; none without dimensions."""
    new: dict[str, str] = {}
    for dimension in level:
        new[dimension.place] = decision.place(dimension)
        for index, slot in enumerate(dimension.slots):
            new[slot.since] = f"CASE WHEN {decision.moved(dimension, index)} THEN :now ELSE s.{slot.since} END"
            if slot.graces:
                new[slot.wait] = f"CASE WHEN {decision.waits(dimension, index)} THEN coalesce(s.{slot.wait}, :now) END"
    return new | {"edge_at": f"CASE WHEN {decision.again(level)} THEN :now + 1 ELSE s.edge_at END"} if level else new


def changes(level: Iterable[Dimension], decision: DecisionSql) -> Iterator[str]:
    """Yield the conditions, over the decision and ``s``, under which a decision changes a user's row."""
    for dimension in level:
        yield f"{decision.place(dimension)} <> {decision.old(dimension)}"
        for index, slot in enumerate(dimension.slots):
            if slot.graces:
                yield f"({decision.waits(dimension, index)}) <> (s.{slot.wait} IS NOT NULL)"
