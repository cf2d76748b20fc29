"""``habitue apply`` and ``habitue versions``, and ``content.apply = "manual"``, with which nothing else applies files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import HabitueError, NothingApplied
from engine.facts.sources.attribute import ATTRIBUTE
from engine.facts.sources.base import FactSource
from engine.facts.sources.declaration import Declaration
from engine.kinds import SHIPPED, Kinds
from engine.status.reading import read_status
from engine.worker.content_watch import AppliedContent, watch_content
from tests.maison import FACTS, VALUE
from tests.processes import opened
from tests.world import World, day

HIGHER = VALUE.replace("500", "520")
BROKEN = VALUE.replace("spend >=", "spendd >=")
REVIEWS = '\n[facts.reviews]\ncount = "review_posted"\n'


@pytest.fixture
def auto(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "maison", database_url)
    assert world.program("migrate").returncode == 0
    yield world
    world.close()


@pytest.fixture
def manual(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "maison", database_url, settings={"content": {"apply": "manual"}})
    assert world.program("migrate").returncode == 0
    yield world
    world.close()


def said(world: World, *words: str) -> str:
    """Run a command that works, and return what it says."""
    ended = world.program(*words)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def told(world: World, *words: str) -> Any:
    return json.loads(said(world, *words, "--json"))


def running(world: World) -> str | None:
    return world.app.seen().version


def version(world: World) -> str:
    return world.app.bundle().version


def evaluated(world: World) -> None:
    """Add a user and let a tick evaluate them."""
    world.user("ann")
    said(world, "tick")


# --- apply -----------------------------------------------------------------------------------------------------------


def test_files_are_applied_and_what_changes_is_said(auto: World) -> None:
    first = version(auto)
    assert said(auto, "apply", "--who", "ann").splitlines() == [
        f"Version {first} is running (the first).",
        f"  {len(auto.app.bundle().files)} files",
        "Nobody has been evaluated yet: the next tick evaluates everybody.",
    ]
    evaluated(auto)
    auto.write("rules/value.toml", HIGHER)
    auto.remove("playbooks/birthday.toml")
    auto.write("rules/facts.toml", FACTS + REVIEWS)
    assert said(auto, "apply", "--who", "ann").splitlines() == [
        f"Version {version(auto)} is running (before: {first}).",
        "  removed playbooks/birthday.toml",
        "  changed rules/facts.toml",
        "  changed rules/value.toml",
        "columns added: fact_reviews",
        "The next ticks evaluate everybody again (1 user):",
        "  fact `reviews` is new",
        "  dimension `value` places users differently",
        "  columns are new or come back: fact_reviews",
    ]
    assert said(auto, "apply") == f"Version {version(auto)} is running already.\n"
    auto.write("rules/value.toml", f"# more\n{HIGHER}")
    assert said(auto, "apply").splitlines()[1:] == ["  changed rules/value.toml", "Nobody has to be evaluated again."]


def test_a_dry_run_says_the_same_and_changes_nothing(auto: World) -> None:
    said(auto, "apply")
    evaluated(auto)
    before = running(auto)
    auto.write("rules/facts.toml", FACTS + REVIEWS)
    planned = told(auto, "apply", "--dry-run")
    assert "would be running" in said(auto, "apply", "--dry-run")
    assert running(auto) == before
    done = told(auto, "apply")
    assert (planned.pop("applied"), done.pop("applied")) == (False, True)
    assert planned == done == {
        "version": version(auto),
        "before": before,
        "files": [{"path": "rules/facts.toml", "what": "changed"}],
        "columns": {"added": ["fact_reviews"], "retyped": [], "retired": []},
        "sweep": {
            "depth": "facts",
            "everybody": True,
            "users": 1,
            "reasons": ["fact `reviews` is new", "columns are new or come back: fact_reviews"],
        },
        "playbooks": [],
    }  # fmt: skip
    assert told(auto, "apply", "--dry-run")["sweep"] is None


def test_files_with_errors_are_not_applied(auto: World) -> None:
    said(auto, "apply")
    before = running(auto)
    auto.write("rules/value.toml", BROKEN)
    ended = auto.program("apply")
    assert ended.returncode == 2
    assert ended.stderr.startswith("rules/value.toml:8: error: `when`, column 1: unknown fact or dimension `spendd`")
    assert "nothing was changed" in ended.stderr
    assert running(auto) == before


def test_without_tables_the_remedy_is_named(tmp_path: Path, empty_database_url: str) -> None:
    world = World(tmp_path / "maison", empty_database_url)
    ended = world.program("apply")
    assert ended.returncode == 2
    assert "run `habitue migrate`" in ended.stderr
    world.close()


# --- who read older files --------------------------------------------------------------------------------------------


def overtaken(world: World) -> Kinds:
    """Return kinds with which another process applies newer files, once, while a command compiles what it has read."""
    acts = [world]

    def read(section: Any, declaration: Declaration) -> FactSource | None:
        while acts:
            acts.pop().write("rules/value.toml", HIGHER)
            with opened(world) as other:
                reading = other.read()
                other.apply(reading.content, other.clock.now(), reading.seen)
        return ATTRIBUTE.read(section, declaration)

    sources = (replace(kind, read=read) if kind is ATTRIBUTE else kind for kind in SHIPPED.fact_sources)
    return replace(SHIPPED, fact_sources=tuple(sources))


@pytest.mark.parametrize("command", ["tick", "apply"])
def test_a_command_that_was_overtaken_reads_the_files_again(auto: World, command: str) -> None:
    said(auto, "apply")
    auto.write("rules/value.toml", VALUE.replace("500", "510"))
    auto.kinds = overtaken(auto)
    ended = auto.command(command)
    assert ended.exit_code == 0, ended.output
    assert f"version {version(auto)} was applied after these files" in ended.stderr
    assert "reading them again" in ended.stderr
    assert running(auto) == version(auto)
    assert [one["running"] for one in told(auto, "versions")] == [True, False]


# --- versions --------------------------------------------------------------------------------------------------------


def test_versions_are_listed_with_what_each_changed(auto: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "bob")
    assert said(auto, "versions") == "No version has been applied yet.\n"
    for at, text in enumerate((VALUE, HIGHER, VALUE)):
        auto.write("rules/value.toml", text)
        auto.app.apply(auto.content(), day(at), who=("ann", None, "cy")[at])
    first, second = auto.rows("SELECT hash FROM version WHERE kind = 'content' ORDER BY first_applied_at")
    changed = [{"path": "rules/value.toml", "what": "changed"}]
    assert told(auto, "versions") == [
        {
            "version": first[0],
            "running": True,
            "applied_at": "2026-01-03T00:00:00Z",
            "first_applied_at": "2026-01-01T00:00:00Z",
            "who": "cy",
            "before": second[0],
            "files": changed,
        },
        {
            "version": second[0],
            "running": False,
            "applied_at": "2026-01-02T00:00:00Z",
            "first_applied_at": "2026-01-02T00:00:00Z",
            "who": None,
            "before": first[0],
            "files": changed,
        },
    ]
    assert said(auto, "versions", "--limit", "1").splitlines() == [
        f"{first[0]}  running  applied 2026-01-03T00:00:00Z by cy, first 2026-01-01T00:00:00Z",
        "  changed rules/value.toml",
    ]
    auto.write("rules/value.toml", f"# more\n{HIGHER}")
    said(auto, "apply")
    assert told(auto, "versions")[0]["who"] == "bob"


# --- manual ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["tick", "run", "import users", "explain"])
def test_nothing_runs_before_something_is_applied(manual: World, command: str) -> None:
    file = manual.folder / "users.csv"
    file.write_text("id\n1\n", encoding="utf-8")
    rest = {"import users": [str(file)], "explain": ["ann"]}.get(command, [])
    ended = manual.program(*command.split(), *rest)
    assert ended.returncode == 2
    assert ended.stderr == (
        "habitue: no version of the files has been applied yet: run `habitue apply` (`content.apply` is `manual`)\n"
    )
    found = read_status(manual.app)
    assert [(one.subject, one.remedy) for one in found.attention] == [("content", "run `habitue apply`")]


def test_the_applied_version_runs_whatever_is_in_the_folder(manual: World) -> None:
    said(manual, "apply")
    evaluated(manual)
    before = running(manual)
    for text in (HIGHER, BROKEN):
        manual.write("rules/value.toml", text)
        said(manual, "tick")
        assert running(manual) == before
    manual.write("rules/value.toml", HIGHER)
    said(manual, "apply")
    assert running(manual) == version(manual) != before


def test_status_notes_what_is_in_the_folder(manual: World) -> None:
    said(manual, "apply")
    said(manual, "tick", "--no-deliver")
    before = version(manual)
    assert read_status(manual.app).notes == ()
    manual.write("rules/facts.toml", FACTS + REVIEWS)
    [note] = read_status(manual.app).notes
    assert note == (
        f"the files in the folder (version {version(manual)}) differ from the applied version {before}:"
        " run `habitue apply`"
    )
    assert note in said(manual, "status").splitlines()
    manual.write("rules/value.toml", BROKEN)
    [note] = read_status(manual.app).notes
    assert "have 2 errors, the first: rules/value.toml:8: error" in note
    (manual.folder / "rules").rename(manual.folder / "elsewhere")
    [note] = read_status(manual.app).notes
    assert note.startswith("the files in the folder cannot be read: the folder")
    assert told(manual, "status")["attention"] == []
    assert said(manual, "tick")


def test_migrate_keeps_to_the_columns_of_the_applied_version(manual: World) -> None:
    said(manual, "apply")
    manual.write("rules/facts.toml", FACTS + REVIEWS)
    assert told(manual, "migrate") == {"added": [], "retyped": [], "retired": []}
    manual.execute("ALTER TABLE user_state DROP COLUMN fact_spend")
    assert told(manual, "migrate")["added"] == ["fact_spend"]
    assert told(manual, "apply")["columns"]["added"] == ["fact_reviews"]


def test_a_worker_runs_what_is_applied(manual: World) -> None:
    with opened(manual) as app:
        watch = watch_content(app)
        assert isinstance(watch, AppliedContent)
        with pytest.raises(NothingApplied):
            watch.refresh()
        said(manual, "apply")
        first = watch.refresh()
        assert watch.refresh() is first
        manual.write("rules/value.toml", HIGHER)
        assert watch.refresh() is first
        said(manual, "apply")
        second = watch.refresh()
        assert (second.content.version, watch.current) == (version(manual), second.content)
        assert second.content.version != first.content.version
        manual.execute("UPDATE version SET files = '{}', hash = 'x' WHERE hash = :now", now=second.content.version)
        with pytest.raises(HabitueError, match=r"cannot be read by this version of Habitué: rules/facts\.toml: error"):
            watch.refresh()
