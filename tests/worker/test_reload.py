"""Files change while a worker runs: valid ones take over, others never do, and the worker reports it."""

import pytest

from engine.explain.notices import unpacked
from tests.conftest import POSTGRESQL_IN_BULK
from tests.maison import FILES, VALUE
from tests.processes import FACTS, habitue, just_now, people, running
from tests.worker.test_run import accepted, mails, orderly
from tests.world import World

pytestmark = pytest.mark.parametrize("database_url", POSTGRESQL_IN_BULK, indirect=True)

BROKEN = VALUE.replace('when = "spend >=', 'when = "spendd >=')
SAYS = "SELECT notices FROM worker"


def message(world: World) -> str | None:
    """Return what the worker says about its files, in the first of its notices."""
    notices = [notice for (column,) in world.rows(SAYS) for notice in unpacked(column)]
    return notices[0].message if notices else None


def test_a_file_with_errors_never_replaces_the_running_version(world: World) -> None:
    [(good,)] = world.rows("SELECT hash FROM version WHERE kind = 'content'")
    with running(world) as worker:
        worker.until(lambda: worker.entries("started"), "a start")
        world.write("rules/value.toml", BROKEN)
        worker.until(lambda: message(world), "the worker says what is wrong")
        said = message(world)
        assert said is not None
        assert "rules/value.toml:8" in said
        assert "the files have 1 error, the first" in said
        assert [entry["why"] for entry in worker.entries("files refused")] == [said]
        people(world, 4, just_now())
        worker.until(lambda: accepted(world, "thanks", 1), "the last good version goes on")
        orderly(world, worker)
    with running(world) as restarted:
        restarted.until(lambda: restarted.entries("started"), "a start with broken files")
        assert restarted.entries("started")[0]["version"] == good
        assert message(world) == said
        people(world, 4, just_now(), first=5)
        restarted.until(lambda: accepted(world, "thanks", 2), "the last good version, out of the store")
        hello = FILES["templates/welcome/hello.email.j2"].replace("}Hello{", "}Good day{")
        world.write("templates/welcome/hello.email.j2", hello)
        world.write("rules/value.toml", VALUE.replace("500", "520"))
        restarted.until(lambda: restarted.entries("content replaced"), "the corrected files take over")
        restarted.until(lambda: message(world) is None, "nothing to say any more")
        people(world, 4, just_now(), first=9)
        restarted.until(lambda: accepted(world, "hello", 12), "the corrected files at work")
        orderly(world, restarted)
    assert world.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(2,)]
    assert sum("Subject: Good day" in mail for mail in mails(world)) == 4


def test_files_whose_columns_are_not_there_wait_for_migrate(world: World) -> None:
    with running(world) as worker:
        worker.until(lambda: worker.entries("started"), "a start")
        world.write("rules/facts.toml", FACTS + '[facts.city]\nattribute = "city"\ntype = "text"\n')
        worker.until(lambda: message(world), "the worker says what is missing")
        assert message(world) == (
            "the files and the columns of user_state differ (missing: fact_city): run `habitue migrate`"
        )
        people(world, 4, just_now())
        worker.until(lambda: accepted(world, "thanks", 1), "the last good version goes on")
        migrated = habitue(world, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        worker.until(lambda: worker.entries("content replaced"), "the new files take over")
        worker.until(lambda: message(world) is None, "nothing to say any more")
        orderly(world, worker)
    assert len(worker.entries("files refused")) == 1
    assert not worker.entries("job failed")


def test_broken_files_in_a_store_that_nothing_ran_in(world: World) -> None:
    world.execute("DELETE FROM version")
    world.write("rules/value.toml", BROKEN)
    ended = habitue(world, "run")
    assert ended.returncode == 2
    assert ended.stdout == ""
    refused, sentence = ended.stderr.splitlines()
    assert "files refused" in refused
    assert sentence.startswith("habitue: the files have 1 error, the first: rules/value.toml:8: error: `when`")
    assert "did you mean `spend`?" in sentence
    assert sentence.endswith("; no good version has ever run in this store; see `habitue check`")
