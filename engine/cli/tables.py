"""Tables that fit the terminal without breaking a word: where the columns are too many, each row becomes a block."""

from collections.abc import Collection, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_GAP = 2
"""Blanks between two columns."""


class WordTable:
    """A table without lines. Cells are texts, or strings with markup."""

    def __init__(self, *columns: str, title: str = "", numbers: Collection[str] = ()) -> None:
        """Columns called ``numbers`` are aligned on the right."""
        self._columns = columns
        self._title = title
        self._numbers = numbers
        self._rows: list[tuple[Text, ...]] = []

    def add_row(self, *cells: str | Text) -> None:
        """Add a row with a cell for each column."""
        row = tuple(Text.from_markup(cell) if isinstance(cell, str) else cell for cell in cells)
        if len(row) != len(self._columns):
            raise ValueError(f"a row has {len(row)} cells, the table {len(self._columns)} columns")
        self._rows.append(row)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the title and the rows, as columns if these fit, otherwise as blocks."""
        if self._title:
            yield Text(self._title, "bold")
        cells = [(Text(name), *(row[at] for row in self._rows)) for at, name in enumerate(self._columns)]
        widths = fitting(
            [max(map(_longest_word, column)) for column in cells],
            [max(map(_longest_line, column)) for column in cells],
            options.max_width - _GAP * (len(self._columns) - 1),
        )
        if widths is None:
            yield from self._blocks()
        else:
            yield self._table(widths)

    def _table(self, widths: Sequence[int]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
        for name, width in zip(self._columns, widths, strict=True):
            number = name in self._numbers
            table.add_column(name, width=width, justify="right" if number else "left", overflow="fold")
        for row in self._rows:
            table.add_row(*row)
        return table

    def _blocks(self) -> Iterator[Text | Padding]:
        for row in self._rows:
            head, *rest = row
            yield head
            for name, cell in zip(self._columns[1:], rest, strict=True):
                if cell.plain:
                    named = Text.assemble((f"{name}: ", "dim"), cell) if name else cell
                    yield Padding(named, (0, 0, 0, _GAP))


def fitting(words: Sequence[int], lines: Sequence[int], available: int) -> list[int] | None:
    """Return how wide each column is; None if there is not room for the longest word of each.

    ``words`` and ``lines`` are the widths of each column's longest word and longest line. What is left over goes to the
    columns that need least first, so that only long texts wrap.
    """
    left = available - sum(words)
    if left < 0:
        return None
    widths = list(words)
    needs = sorted((line - word, at) for at, (word, line) in enumerate(zip(words, lines, strict=True)))
    for number, (need, at) in enumerate(needs):
        given = min(need, left // (len(needs) - number))
        widths[at] += given
        left -= given
    return widths


def _longest_word(text: Text) -> int:
    return max(map(cell_len, text.plain.split()), default=0)


def _longest_line(text: Text) -> int:
    return max(map(cell_len, text.plain.splitlines()), default=0)
