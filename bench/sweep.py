"""The sweep after a change of rules: everybody is placed again in five dimensions, and a sixth of all users move.

The program's sweep is a tick, with everything that a tick does, for a brand that has facts and rules but no playbooks: the
hand-written SQL enrols nobody either. It is compared with SQL written by hand for this one brand that also writes only what
changes, which is the least that any program has to do; and with the old way, which rewrites every row, over the tables of
old. All run on copies of the same store, by turns, with the same settings of the database; the hand-written SQL has the
advantage of a single transaction and no locks. The end states are compared row by row.

On PostgreSQL, it is also counted how many updates of ``user_state`` were HOT: made in place, without touching an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench import handwritten_sweep, old_layout
from bench.by_hand import run_by_hand, signatures
from bench.common import Timing, choice_from_command_line, in_subprocess, interleaved_timings, report, timed
from bench.end_states import differing_rows, end_of_sweep, hot_share
from bench.placed import placed_store
from bench.population import NOW, app_of, brand_content
from bench.stores import Stores, stores
from engine.loading import Content
from engine.store.database import Database

BARS = {"sqlite": 1.3, "postgresql": 1.5}
EVERY_ROW_BAR = 0.6
HOT_BAR = 0.9
FULL_SIZE = 1_000_000
RUNS = 3


@dataclass(frozen=True, slots=True)
class Runs:
    """The program, and SQL written by hand, on copies of one store."""

    content: Content
    stores: Stores
    source: str

    def ours(self) -> Timing:
        """Work off the open sweep."""
        app = app_of(self.stores.copy(self.source, "ours"))
        app.pipeline(self.content)  # compiled before, as in a worker
        taken = timed(lambda: app.tick(self.content, NOW))
        app.close()
        return taken

    def by_hand(self, name: str, statements: Sequence[str]) -> Timing:
        """Run ``statements`` in another process."""
        return self._by_hand(self.stores.copy(self.source, name), statements)

    def every_row(self, statements: Sequence[str]) -> Timing:
        """Run ``statements`` in another process, over the tables of old."""
        url = self.stores.copy(self.source, "every")
        # In other processes: the memory that it takes is not the program's.
        in_subprocess(old_layout.lay_out, url)
        self.stores.settle(url)
        taken = self._by_hand(url, statements)
        in_subprocess(old_layout.lay_back, url)
        return taken

    def _by_hand(self, url: str, statements: Sequence[str]) -> Timing:
        return in_subprocess(run_by_hand, url, statements, NOW, self.content.rules.version, "rules")


def measure(database: str, size: int) -> bool:
    """Measure, compare, report."""
    with stores(database) as kept:
        source = kept.fresh("source")
        in_subprocess(placed_store, source, size)
        kept.settle(source)
        content = brand_content(playbooks=False)
        dialect = Database(source).dialect
        found = signatures(content, dialect)
        runs = Runs(content, kept, source)
        mine, floor, old = interleaved_timings(
            RUNS,
            runs.ours,
            partial(runs.by_hand, "changed", handwritten_sweep.changed_rows(dialect, found)),
            partial(runs.every_row, old_layout.every_row(dialect, found)),
        )
        urls = {name: kept.url(name) for name in ("ours", "changed", "every")}
        more: dict[str, float | str] = {
            "database": database,
            "size": size,
            "seconds": round(mine.wall, 2),
            **in_subprocess(end_of_sweep, urls["ours"]),
        }
        differing = [in_subprocess(differing_rows, urls["ours"], urls[name]) for name in ("changed", "every")]
        fine = [
            report(
                name, ratio=mine.wall / by_hand.wall, bar=bar, at_most=True, floor=round(by_hand.wall, 2),
                differing_rows=different, **more, **cpu(database, mine, by_hand),
            ) and not different
            for name, by_hand, bar, different in (
                ("sweep", floor, BARS[database], differing[0]),
                ("sweep_against_every_row", old, EVERY_ROW_BAR, differing[1]),
            )
        ]  # fmt: skip
        if (hot := hot_share(urls["ours"])) is not None:
            fine.append(report("sweep_hot_updates", ratio=hot, bar=HOT_BAR, at_most=False, **more))
        return all(fine)


def cpu(database: str, mine: Timing, floor: Timing) -> dict[str, float]:
    """Return the ratio in CPU time, if it is this process that does the database's work."""
    return {"cpu_ratio": round(mine.cpu / floor.cpu, 2)} if database == "sqlite" else {}


def main() -> bool:
    """Read the command line, and measure."""
    choice = choice_from_command_line(FULL_SIZE, "users")
    return measure(choice.database, choice.size)


if __name__ == "__main__":
    raise SystemExit(not main())
