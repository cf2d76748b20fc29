"""Files change under a running worker: good ones take over, others never do, and the worker says so."""

from engine.clock import Instant, WallClock
from tests.worker.house import FACTS, FILES, VALUE, House
from tests.worker.test_run import accepted, mails, orderly

BROKEN = VALUE.replace("spend >=", "spendd >=")
SAYS = "SELECT message FROM worker"


def now() -> Instant:
    return WallClock().now()


def message(house: House) -> str | None:
    found = house.rows(SAYS)
    return found[0][0] if found else None


def test_a_file_with_errors_never_replaces_the_running_version(house: House) -> None:
    [(good,)] = house.rows("SELECT hash FROM version WHERE kind = 'content'")
    with house.worker() as worker:
        worker.until(lambda: worker.entries("started"), "a start")
        house.write("rules/value.toml", BROKEN)
        worker.until(lambda: message(house), "the worker says what is wrong")
        said = message(house)
        assert said is not None
        assert "rules/value.toml:7" in said
        assert "the files have 1 error, the first" in said
        assert [entry["why"] for entry in worker.entries("files refused")] == [said]
        house.people(4, now())
        worker.until(lambda: accepted(house, "thanks", 1), "the last good version goes on")
        orderly(house, worker)
    with house.worker() as restarted:
        restarted.until(lambda: restarted.entries("started"), "a start with broken files")
        assert restarted.entries("started")[0]["version"] == good
        assert message(house) == said
        house.people(4, now(), first=5)
        restarted.until(lambda: accepted(house, "thanks", 2), "the last good version, out of the store")
        hello = FILES["templates/shop/hello.email.j2"].replace("}Hello{", "}Good day{")
        house.write("templates/shop/hello.email.j2", hello)
        house.write("rules/value.toml", VALUE.replace("100", "120"))
        restarted.until(lambda: restarted.entries("content replaced"), "the corrected files take over")
        restarted.until(lambda: message(house) is None, "nothing to say any more")
        house.people(4, now(), first=9)
        restarted.until(lambda: accepted(house, "hello", 12), "the corrected files at work")
        orderly(house, restarted)
    assert house.rows("SELECT count(*) FROM version WHERE kind = 'content'") == [(2,)]
    assert sum("Subject: Good day" in mail for mail in mails(house)) == 4


def test_files_whose_columns_are_not_there_wait_for_migrate(house: House) -> None:
    with house.worker() as worker:
        worker.until(lambda: worker.entries("started"), "a start")
        house.write("rules/facts.toml", FACTS + '[facts.city]\nattribute = "city"\ntype = "text"\n')
        worker.until(lambda: message(house), "the worker says what is missing")
        assert message(house) == (
            "the files and the columns of user_state differ (not there yet: fact_city): run `habitue migrate`"
        )
        house.people(4, now())
        worker.until(lambda: accepted(house, "thanks", 1), "the last good version goes on")
        migrated = house.habitue("migrate")
        assert migrated.returncode == 0, migrated.stderr
        worker.until(lambda: worker.entries("content replaced"), "the new files take over")
        worker.until(lambda: message(house) is None, "nothing to say any more")
        orderly(house, worker)
    assert len(worker.entries("files refused")) == 1
    assert not worker.entries("job failed")


def test_broken_files_in_a_store_that_nothing_ran_in(house: House) -> None:
    house.execute("DELETE FROM version")
    house.write("rules/value.toml", BROKEN)
    ended = house.habitue("run")
    assert ended.returncode == 2
    assert ended.stdout == ""
    refused, sentence = ended.stderr.splitlines()
    assert "files refused" in refused
    assert sentence.startswith("habitue: the files have 1 error, the first: rules/value.toml:7: error: `when`")
    assert "did you mean `spend`?" in sentence
    assert sentence.endswith("; no good version has ever run in this store; see `habitue check`")
