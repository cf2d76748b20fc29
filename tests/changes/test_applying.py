"""Making files the running version: the sweep that it opens, its columns, and who read older files."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.activation import Activation
from engine.app import App
from engine.clock import Instant, WallClock
from engine.content.bundle import Bundle
from engine.content.versions import Seen
from engine.errors import SchemaDrift, VersionReplaced
from engine.loading import Content
from engine.store.due import Cause
from engine.store.sweep import SweepDepth, SweepNeed, current_sweep
from engine.worker.content_watch import ContentWatch
from tests.faults.shaky import Bug, shaky_kinds, wrong_type
from tests.maison import FACTS, FILES, VALUE
from tests.playbooks.files import playbook
from tests.processes import opened
from tests.world import World, day

REVIEWS = '\n[facts.reviews]\ncount = "review_posted"\n'
HIGHER = VALUE.replace("500", "520")


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Maison after a first tick with two users."""
    made = World(tmp_path / "maison", database_url)
    made.app.migrate(made.content())
    for key in ("ann", "bob"):
        made.user(key)
    made.tick(0)
    yield made
    made.close()


def sweep(world: World) -> SweepNeed | None:
    with world.app.database.read() as connection:
        found = current_sweep(connection)
    return found.need if found else None


def running(world: World) -> str | None:
    return world.app.seen().version


def apply(world: World, at: float, *, columns: bool = False) -> Activation:
    done = world.app.apply(world.content(), day(at), columns=columns)
    assert done is not None
    return done


# --- sweeps ----------------------------------------------------------------------------------------------------------


def test_nobody_is_swept_whom_no_tick_has_seen(database_url: str, tmp_path: Path) -> None:
    with closing(World(tmp_path / "maison", database_url)) as world:
        world.user("ann")
        world.app.migrate(world.content())
        assert apply(world, 0).sweep is None
        world.write("rules/value.toml", HIGHER)
        assert (apply(world, 0).sweep, sweep(world)) == (None, None)


def test_files_that_decide_alike_are_applied_without_a_sweep(world: World) -> None:
    world.write("rules/value.toml", f"# what customers are worth{VALUE}")
    world.write("templates/welcome/hello.email.j2", FILES["templates/welcome/hello.email.j2"] + " ")
    done = apply(world, 1)
    assert [(one.path, one.what) for one in done.files] == [
        ("rules/value.toml", "changed"),
        ("templates/welcome/hello.email.j2", "changed"),
    ]
    assert (done.sweep, done.reasons, sweep(world), running(world)) == (None, (), None, world.content().version)


def test_files_that_decide_otherwise_open_the_sweep_that_they_need(world: World) -> None:
    world.write("rules/value.toml", HIGHER)
    done = apply(world, 1)
    assert done.sweep == sweep(world) == SweepNeed(Cause.RULES, SweepDepth.PLACES, everybody=False)
    assert done.reasons == ("dimension `value` places users differently",)
    world.write("rules/facts.toml", FACTS.replace('"365d"', '"180d"'))
    apply(world, 2)
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)


def test_an_edit_does_the_work_of_the_sweep_that_it_replaces(world: World) -> None:
    world.write("rules/facts.toml", FACTS.replace('"365d"', '"180d"'))
    apply(world, 1)
    world.write("rules/value.toml", HIGHER)
    apply(world, 2)
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)
    world.write("rules/value.toml", f"# as before{HIGHER}")
    apply(world, 3)
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True), "it is not forgotten either"
    world.tick(4)
    assert sweep(world) is None


def test_a_version_that_cannot_be_read_any_more_is_taken_to_differ_in_everything(world: World) -> None:
    before = running(world)
    world.execute("UPDATE version SET files = '{\"rules/facts.toml\": \"[\"}' WHERE kind = 'content'")
    world.write("rules/value.toml", HIGHER)
    done = apply(world, 1)
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)
    assert done.before == before
    assert done.reasons == (f"this version of Habitué cannot read version {done.before}",)


# --- columns ---------------------------------------------------------------------------------------------------------


def test_columns_are_added_when_asked_for(world: World) -> None:
    world.write("rules/facts.toml", FACTS + REVIEWS)
    with pytest.raises(SchemaDrift, match="missing: fact_reviews"):
        world.app.apply(world.content(), day(1))
    assert world.app.plan(world.content()) == world.app.plan(world.content())
    planned = world.app.plan(world.content())
    done = apply(world, 1, columns=True)
    assert planned == done
    assert [column.name for column in done.columns.missing] == ["fact_reviews"]
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)
    assert done.reasons == ("fact `reviews` is new", "columns are new or come back: fact_reviews")
    assert world.app.apply(world.content(), day(2), columns=True) is None


def test_columns_that_come_back_are_swept_though_the_version_never_changed(world: World) -> None:
    first, before = FACTS, running(world)
    world.write("rules/facts.toml", FACTS + REVIEWS)
    world.app.migrate(world.content())
    world.tick(1)
    world.write("rules/facts.toml", first)
    world.app.migrate(world.content())
    world.write("rules/facts.toml", FACTS + REVIEWS)
    done = apply(world, 2, columns=True)
    assert before != done.before == done.version
    assert done.files == ()
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)


def test_columns_of_a_dimension_need_no_facts(world: World) -> None:
    world.write("rules/size.toml", VALUE.replace('"value"', '"size"'))
    apply(world, 1, columns=True)
    assert sweep(world) == SweepNeed(Cause.RULES, SweepDepth.PLACES, everybody=True)


# --- who read older files --------------------------------------------------------------------------------------------


class Overtaken(App):
    """An app that is overtaken: after it has compiled a version for the first time, something else happens."""

    meanwhile: Callable[[], None] | None = None

    def load(self, bundle: Bundle) -> Content:
        content = super().load(bundle)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return content


def overtaken(world: World) -> Overtaken:
    return Overtaken(world.app.settings, world.clock)


def apply_higher(world: World) -> Callable[[], None]:
    """Return what another process does: it applies new files."""

    def act() -> None:
        world.write("rules/value.toml", HIGHER)
        with opened(world, day(1)) as other:
            reading = other.read()
            other.apply(reading.content, day(1), reading.seen)

    return act


def test_a_tick_that_read_older_files_does_not_bring_them_back(world: World) -> None:
    with closing(overtaken(world)) as slow:
        slow.meanwhile = apply_higher(world)
        reading = slow.read()
        new = running(world)
        assert reading.content.version == reading.seen.version != new
        with pytest.raises(VersionReplaced, match=f"version {new} was applied after these files"):
            slow.tick(reading.content, day(2), seen=reading.seen)
        assert running(world) == new
        again = slow.read()
        assert (again.content.version, again.seen) == (new, Seen(new))
        slow.tick(again.content, day(2), seen=again.seen)
    assert world.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(2,)]


def test_neither_do_older_files_that_never_ran(world: World) -> None:
    world.write("rules/value.toml", VALUE.replace("500", "510"))
    with closing(overtaken(world)) as slow:
        slow.meanwhile = apply_higher(world)
        reading = slow.read()
        with pytest.raises(VersionReplaced):
            slow.apply(reading.content, day(2), reading.seen, columns=True)
    assert world.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(2,)]


def test_who_is_overtaken_while_comparing_does_not_apply_either(world: World) -> None:
    """Between its look at the running version and the lock."""
    world.write("rules/value.toml", VALUE.replace("500", "510"))
    with closing(overtaken(world)) as slow:
        reading = slow.read()
        slow.meanwhile = apply_higher(world)
        with pytest.raises(VersionReplaced):
            slow.apply(reading.content, day(2), reading.seen)
    assert running(world) == world.content().version


def test_equal_files_are_applied_once_and_nobody_is_refused(world: World) -> None:
    world.write("rules/value.toml", HIGHER)
    with closing(overtaken(world)) as slow:
        reading = slow.read()
        slow.meanwhile = apply_higher(world)
        assert slow.apply(reading.content, day(2), reading.seen) is None
        slow.tick(reading.content, day(2), seen=reading.seen)
    assert world.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(2,)]


def test_a_worker_reads_newer_files_at_its_next_tick(world: World) -> None:
    now = WallClock().now()
    with opened(world) as first, opened(world) as second:
        ours, theirs = ContentWatch(first), ContentWatch(second)
        stale = ours.refresh()
        world.write("rules/value.toml", HIGHER)
        fresh = theirs.refresh()
        second.tick(fresh.content, now, seen=fresh.seen)
        with pytest.raises(VersionReplaced):
            first.tick(stale.content, Instant(now + 1), seen=stale.seen)
        assert running(world) == fresh.content.version
        after = ours.refresh()
        assert after.content.version == fresh.content.version
        first.tick(after.content, Instant(now + 2), seen=after.seen)
        assert ours.message is None


def test_a_tick_that_is_overtaken_ends_before_its_next_chunk(database_url: str, tmp_path: Path) -> None:
    with closing(World(tmp_path / "maison", database_url, settings={"schedule": {"chunk": 100}})) as world:
        world.app.migrate(world.content())
        for number in range(150):
            world.user(f"u{number}")
        act, old = apply_higher(world), world.content().version
        with closing(App(world.app.settings, world.clock)) as slow:
            reading = slow.read()
            done = slow.tick(reading.content, day(0), lambda _: act() if running(world) == old else None, reading.seen)
        assert done.users == 100
        assert str(done.ended_early).startswith(f"version {old} of the files is not running any more")
        assert world.tick(2).users == 50
        assert world.rows("SELECT count(DISTINCT rules_version) FROM transition") == [(2,)]


def test_files_that_were_put_back_are_applied_again(world: World) -> None:
    """What was read later is newer, even if it ran before."""
    now, before = WallClock().now(), running(world)
    with opened(world) as app:
        watch = ContentWatch(app)
        for later, text in enumerate((HIGHER, VALUE)):
            world.write("rules/value.toml", text)
            reading = watch.refresh()
            app.tick(reading.content, Instant(now + later), seen=reading.seen)
    assert running(world) == before


@pytest.mark.parametrize("trigger", ["shaky_event = true", "shaky_property = 'conditions'"])
def test_a_bug_in_a_trigger_does_not_keep_files_from_being_applied(
    database_url: str, tmp_path: Path, trigger: str
) -> None:
    bug = Bug()
    late = playbook("late", trigger).replace("hello/mail", "welcome/hello")
    files = {"playbooks/late.toml": late}
    with closing(World(tmp_path / "maison", database_url, files, kinds=shaky_kinds(bug))) as world:
        world.app.migrate(world.content())
        world.user("ann")
        world.tick(0)
        bug.planted = wrong_type
        world.write("playbooks/late.toml", f"# once more\n{late}")
        assert apply(world, 1).sweep == SweepNeed(Cause.RULES, SweepDepth.PLACES, everybody=True)
