"""What a decision makes of a row: each column of a dimension as SQL, before and while it is written.

``d_<dimension>`` is the decision's row, ``s`` the user's.
"""

from collections.abc import Iterable, Iterator

from engine.rules.dimension import Dimension


def joined(dimension: Dimension) -> str:
    """Return the alias of the decision in a join."""
    return f"d_{dimension.name}"


def new_values(level: Iterable[Dimension]) -> dict[str, str]:
    """Return column -> SQL of its new value, from the decision and the row ``s``."""
    new: dict[str, str] = {}
    dimensions = tuple(level)
    for dimension in dimensions:
        decision = joined(dimension)
        new[dimension.place] = f"{decision}.place"
        for index, slot in enumerate(dimension.slots):
            new[slot.since] = f"CASE WHEN {decision}.moved_{index} = 1 THEN :now ELSE s.{slot.since} END"
            if slot.graces:
                new[slot.wait] = f"CASE WHEN {decision}.waits_{index} = 1 THEN coalesce(s.{slot.wait}, :now) END"
    if dimensions:
        again = " OR ".join(f"{joined(dimension)}.again = 1" for dimension in dimensions)
        new["edge_at"] = f"CASE WHEN {again} THEN :now + 1 ELSE s.edge_at END"
    return new


def changes(level: Iterable[Dimension]) -> Iterator[str]:
    """Yield the conditions, over the decisions and ``s``, under which a decision changes a user's row."""
    for dimension in level:
        decision = joined(dimension)
        yield f"{decision}.place <> {decision}.old"
        for index, slot in enumerate(dimension.slots):
            if slot.graces:
                yield f"({decision}.waits_{index} = 1) <> (s.{slot.wait} IS NOT NULL)"
