"""A filed text with placeholders: what a message has in their place."""

import re
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class FiledText:
    """Fixed pieces of text, and the placeholders between them; there is one more piece than placeholders."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, placeholder: re.Pattern[str]) -> Self:
        """Return ``text`` in parts. ``placeholder`` has one group, the name.

        Raises:
            ValueError: two placeholders touch, or one occurs twice.
        """
        parts = placeholder.split(text)
        pieces, names = tuple(parts[::2]), tuple(parts[1::2])
        marks = [found[0] for found in placeholder.finditer(text)]
        for number, piece in enumerate(pieces[1:-1], 1):
            if not piece:
                raise ValueError(
                    f"nothing stands between {marks[number - 1]} and {marks[number]}: where one ends could not be told; "
                    "file a template with text between them"
                )
        twice = next((mark for number, mark in enumerate(marks) if mark in marks[:number]), None)
        if twice is not None:
            raise ValueError(f"{twice} occurs twice: file a template with a placeholder of its own for each place")
        return cls(pieces, names)

    def split(self, text: str, shortest: int, longest: int | None = None) -> tuple[str, ...] | None:
        """Return what ``text`` has at the placeholders; None if it does not read like this.

        ``shortest`` and ``longest`` are numbers of characters of each. If there are several ways, whichever is returned,
        the filled text reads the same.
        """
        begun = self._reached(text, shortest, longest)
        if len(begun) < len(self.pieces) or len(text) not in begun[-1]:
            return None
        values: list[str] = []
        end = len(text)
        for piece, begins in zip(reversed(self.pieces[1:]), reversed(begun[1:]), strict=True):
            begin = begins[end]
            values.append(text[begin : end - len(piece)])
            end = begin
        return tuple(reversed(values))

    def first_difference(self, text: str) -> str:
        """Return the piece up to which ``text``, which does not read like this, cannot be followed."""
        missed = len(self._reached(text, 0, None))
        return self.pieces[min(missed, len(self.pieces) - 1)]

    def _reached(self, text: str, shortest: int, longest: int | None) -> list[dict[int, int]]:
        """Return, for each piece that can be reached, where it can end, and where the placeholder before it began."""
        first = self.pieces[0]
        if not text.startswith(first):
            return []
        reached = [{len(first): 0}]
        for number, piece in enumerate(self.pieces[1:], 1):
            ends: dict[int, int] = {}
            for begin in reached[-1]:
                limit = len(text) if longest is None else min(len(text), begin + longest + len(piece))
                if number == len(self.pieces) - 1:
                    at = len(text) - len(piece)
                    if at >= begin + shortest and limit == len(text) and text.endswith(piece):
                        ends.setdefault(len(text), begin)
                    continue
                at = text.find(piece, begin + shortest, limit)
                while at >= 0:
                    ends.setdefault(at + len(piece), begin)
                    at = text.find(piece, at + 1, limit)
            if not ends:
                break
            reached.append(ends)
        return reached
