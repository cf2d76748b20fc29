"""Two workers on one store with different folders: the files that changed last run, and versions do not flap."""

from pathlib import Path

from engine.app import App
from engine.clock import Instant, WallClock
from engine.worker.content_watch import ContentWatch
from tests.maison import VALUE
from tests.processes import opened, people, quick
from tests.world import World


def tick(app: App, running: ContentWatch, now: int) -> int:
    """Do what the worker does at a tick; return how many sweeps have been opened so far."""
    reading = running.refresh()
    app.tick(reading.content, Instant(now), seen=reading.seen)
    with app.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM sweep").scalar_one())


def test_the_files_that_changed_last_run(world: World, tmp_path: Path, database_url: str) -> None:
    other = quick(tmp_path / "other", database_url)
    other.write("rules/value.toml", VALUE.replace("500", "520"))
    now = WallClock().now()
    people(world, 3, now)
    with opened(world) as first, opened(other) as second:
        ours, theirs = ContentWatch(first), ContentWatch(second)
        before = tick(first, ours, now)
        assert tick(second, theirs, now + 1_000) == before + 1, "other files take over as their worker starts"
        replaced = theirs.refresh().content.version
        for later in range(2, 6):
            assert tick(first, ours, now + 1_000 * later) == before + 1
            assert tick(second, theirs, now + 1_000 * later) == before + 1
        assert (ours.refresh().content.version, theirs.message) == (replaced, None)
        assert "make the folders identical" in str(ours.message)
        world.write("rules/value.toml", VALUE.replace("500", "530"))
        assert tick(first, ours, now + 10_000) == before + 2, "a change here applies these files again"
        assert ours.message is None
        assert tick(second, theirs, now + 11_000) == before + 2
        assert theirs.refresh().content.version == ours.refresh().content.version != replaced
    other.close()
