"""Tables fit the width that they are given, and no word is broken."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from engine.cli.tables import WordTable, fitting
from engine.delivery.gates.base import Gate
from engine.kinds import Kinds
from tests.world import World

WORDS = st.lists(st.text("abcdefgh_", min_size=1, max_size=18), max_size=6).map(" ".join)


def printed(table: WordTable, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=5), st.integers(30, 120))
def test_no_line_is_too_long_and_no_word_is_broken(rows: list[tuple[str, ...]], width: int) -> None:
    table = WordTable("one", "two", "three", "four", numbers=("two",))
    for row in rows:
        table.add_row(*row)
    lines = printed(table, width)
    assert max(map(len, lines)) <= width
    whole = {word for line in lines for word in line.split()}
    assert {word for row in rows for cell in row for word in cell.split()} <= whole


def test_what_fits_stands_in_one_line() -> None:
    table = WordTable("at", "why", title="Log")
    table.add_row("2026-01-01 10:00:00Z", "because")
    assert [line.rstrip() for line in printed(table, 40)] == [
        "Log",
        "at                    why",
        "2026-01-01 10:00:00Z  because",
    ]


def test_only_the_long_text_wraps() -> None:
    table = WordTable("at", "why", "n", numbers=("n",))
    table.add_row("2026-01-01 10:00:00Z", "one two three four five six", "7")
    assert [line.rstrip() for line in printed(table, 40)] == [
        "at                    why              n",
        "2026-01-01 10:00:00Z  one two three    7",
        "                      four five six",
    ]


def test_rows_become_blocks_where_the_words_are_too_long() -> None:
    table = WordTable("user", "reason", "")
    table.add_row("somebody@example.com", "mailbox_unavailable", "gone")
    table.add_row("ann", "", "here")
    assert [line.rstrip() for line in printed(table, 40)] == [
        "somebody@example.com",
        "  reason: mailbox_unavailable",
        "  gone",
        "ann",
        "  here",
    ]


@pytest.mark.parametrize(
    ("words", "lines", "available", "expected"),
    [
        ([3, 4], [3, 4], 80, [3, 4]),
        ([3, 4], [3, 40], 20, [3, 17]),
        ([3, 4], [10, 40], 20, [9, 11]),
        ([30, 40], [30, 40], 60, None),
    ],
)
def test_room_goes_first_to_whoever_needs_little(
    words: list[int], lines: list[int], available: int, expected: list[int] | None
) -> None:
    assert fitting(words, lines, available) == expected


def test_a_row_of_other_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 cells, the table 1 columns"):
        WordTable("a").add_row("b", "c")


@pytest.fixture
def lived(world: World) -> World:
    """Something to see in every table."""
    world.user("ann")
    world.event("ann", "signed_up", 1)
    world.order("ann", 1, category="tea")
    world.tick(1, deliver=True)
    world.close()

    def mistaken(*_: object) -> None:
        raise KeyError("x")

    world.kinds += Kinds(gates=(Gate("mistaken", mistaken, ()),))  # type: ignore[arg-type]
    world.event("bob", "signed_up", 1.5)
    world.tick(2, deliver=True)
    world.tick(200)
    world.close()
    return world


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(
    "words",
    [
        ("log",), ("log", "--history"), ("status",), ("report",), ("report", "--by", "day"), ("report", "--by", "reason"),
        ("explain", "ann"), ("coupons",), ("admin", "quarantine"),
    ],
)  # fmt: skip
def test_every_table_keeps_to_columns_when_piped(
    lived: World, words: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    # A folder's path is never broken, however long it is here.
    lines = [line for line in lived.command(*words).stdout.splitlines() if not line.startswith("disk:")]
    assert lines
    assert max(map(len, lines)) <= width
    reasons = {row[0] for row in lived.rows("SELECT reason FROM action")}
    if words == ("log",):
        assert reasons <= set(re.findall(r"\w+", "\n".join(lines)))


def test_a_wider_pipe_gets_longer_lines(lived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    heights = []
    for width in ("80", "200"):
        monkeypatch.setenv("COLUMNS", width)
        heights.append(len(lived.command("log").stdout.splitlines()))
    assert heights[0] > heights[1]
