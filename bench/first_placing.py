"""The heaviest sweep: nobody has been placed, as after a new dimension, so every row is rewritten in every dimension.

It is compared with SQL written by hand for this one brand that does the same, on copies of the same store; there are about
five transitions for each user. The end states are compared row by row.
"""

from functools import partial

from bench import handwritten_first
from bench.by_hand import signatures
from bench.common import choice_from_command_line, in_subprocess, interleaved_timings, report
from bench.end_states import differing_rows
from bench.placed import unplaced_store
from bench.population import brand_content
from bench.stores import stores
from bench.sweep import FULL_SIZE, RUNS, Runs, cpu
from engine.store.database import Database

BAR = 3.0


def main() -> bool:
    """Measure, compare, report."""
    choice = choice_from_command_line(FULL_SIZE, "users")
    with stores(choice.database) as kept:
        source = kept.fresh("source")
        in_subprocess(unplaced_store, source, choice.size)
        kept.settle(source)
        runs = Runs(brand_content(playbooks=False), kept, source)
        dialect = Database(source).dialect
        statements = handwritten_first.every_row(dialect, signatures(runs.content, dialect))
        mine, floor = interleaved_timings(RUNS, runs.ours, partial(runs.by_hand, "theirs", statements))
        differing = in_subprocess(differing_rows, kept.url("ours"), kept.url("theirs"))
    fine = report(
        "first_placing", ratio=mine.wall / floor.wall, bar=BAR, at_most=True, database=choice.database,
        size=choice.size, seconds=round(mine.wall, 2), floor=round(floor.wall, 2),
        differing_rows=differing, **cpu(choice.database, mine, floor),
    )  # fmt: skip
    return fine and not differing


if __name__ == "__main__":
    raise SystemExit(not main())
