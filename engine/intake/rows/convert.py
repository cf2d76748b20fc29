"""Converting a column of texts or JSON values to stored values, a whole column at a time.

This is fast because texts repeat, so each is parsed once and then looked up by ``map``, and because plain forms of
times, amounts and keys are parsed in bulk (see ``bulk``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.intake.rows.bulk import Bulk
from engine.intake.rows.model import Json
from engine.intake.rows.values import BadValue, Conventions

Parse = Callable[[Json, Conventions], Json]
_MEMO_SIZE = 100_000


@dataclass(frozen=True, slots=True)
class Bad:
    """A rejected value in a column."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Clear:
    """JSON's null in a column: the stored value is to be removed."""


CLEAR = Clear()
Cell = Json | Bad | Clear


class Converter:
    """Converts the values of one column."""

    def __init__(
        self, name: str, parse: Parse, reading: Conventions, *, bulk: Bulk | None = None, null: Clear | None = None
    ) -> None:
        """``name`` is used in error messages; ``null`` is the result for JSON's null.

        ``bulk`` returns the same values as ``parse`` for many texts at once, or None if they are not all plain.
        """
        self.name = name
        self._parse = parse
        self._reading = reading
        self._bulk = bulk
        self._memo: dict[str, Cell] = {}
        self._null = null

    def column(self, values: Sequence[Json], *, texts: bool) -> list[Cell]:
        """Convert a column; empty texts become None. ``texts`` promises that all values are texts."""
        if not texts:
            return [self.one(value) for value in values]
        distinct = set(values)
        if self._bulk and 2 * len(distinct) > len(values):
            done = self._bulk(values, self._reading)  # type: ignore[arg-type]
            if done is not None:
                return list(done)
        memo = self._memo
        if len(memo) > _MEMO_SIZE:
            memo.clear()
        missing: list[str] = [text for text in distinct if text not in memo]  # type: ignore[misc]
        if missing:
            done = self._bulk(missing, self._reading) if self._bulk else None
            memo.update(zip(missing, done if done is not None else map(self.one, missing), strict=True))
        return list(map(memo.__getitem__, values))  # type: ignore[arg-type]

    def one(self, value: Json) -> Cell:
        """Convert one value."""
        if value is None:
            return self._null
        if isinstance(value, str) and not value.strip():
            return None
        try:
            return self._parse(value, self._reading)
        except BadValue as error:
            return Bad(f"{self.name}: {error.reason}", error.remedy)


def bad_rows(columns: Sequence[Sequence[Cell]]) -> dict[int, Bad]:
    """Return the rejected rows by index, each with its first reason."""
    found: dict[int, Bad] = {}
    for column in columns:
        # A set of types is made in C, and most columns have no bad cell.
        if Bad in set(map(type, column)):
            for index, cell in enumerate(column):
                if type(cell) is Bad:
                    found.setdefault(index, cell)
    return found


def keep(value: Json, _reading: Conventions) -> Json:
    """Return an undeclared value unchanged."""
    return value.strip() if isinstance(value, str) else value
