"""Turns at writing to SQLite: who waits is next, whatever the one who writes does, and a process that dies holds up nobody."""

import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.store.database import Database
from engine.store.dialects.sqlite.turns import SqliteTurns

ROOT = Path(__file__).parents[2]
LONG = 60.0
"""Seconds within which a busy machine does anything."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "habitue.db"


@pytest.fixture
def turns(file: Path) -> Iterator[SqliteTurns]:
    with closing(SqliteTurns(file, LONG)) as made:
        yield made


def spin_until(turns: SqliteTurns | Database) -> None:
    """Wait, in a turn, until another writer queues up."""
    while not turns.others_wait():
        pass


@pytest.mark.parametrize("shared", [True, False], ids=["threads", "databases"])
def test_who_waits_writes_after_the_chunk_at_work(migrated_sqlite_url: str, shared: bool) -> None:
    """One writes chunk after chunk without a pause; another, in between, waits for one chunk at most."""
    busy = Database(migrated_sqlite_url)
    other = busy if shared else Database(migrated_sqlite_url)
    order: list[str] = []
    with busy.write() as connection:
        connection.execute(text("CREATE TABLE written (who TEXT)"))

    def write_once(who: str) -> None:
        with other.write() as connection:
            connection.execute(text("INSERT INTO written VALUES (:who)"), {"who": who})
            order.append(who)

    with ThreadPoolExecutor(1) as pool:
        for number in range(20):
            with busy.write() as connection:
                waiting = pool.submit(write_once, f"other {number}")
                spin_until(busy)
                connection.execute(text("INSERT INTO written VALUES (:who)"), {"who": f"chunk {number}"})
                order.append(f"chunk {number}")
            with busy.write():
                order.append("next chunk")
            assert waiting.exception(LONG) is None
    assert order == [who for n in range(20) for who in (f"chunk {n}", f"other {n}", "next chunk")]
    with busy.read() as connection:
        written = connection.execute(text("SELECT who FROM written ORDER BY rowid")).scalars().all()
    assert written == [who for who in order if who != "next chunk"]
    busy.close()
    other.close()


def test_it_is_remembered_after_a_transaction_that_somebody_waited(migrated_sqlite_url: str) -> None:
    with closing(Database(migrated_sqlite_url)) as database, ThreadPoolExecutor(1) as pool:
        with database.write():
            assert not database.others_wait()
        assert not database.others_wait()

        def write() -> bool:
            with database.write():
                return database.others_wait()

        with database.write():
            waiting = pool.submit(write)
            spin_until(database)
        assert database.others_wait()
        assert waiting.result(LONG) is False, "the first does not wait for the second"
        with database.write():
            pass
        assert not database.others_wait()


def test_nobody_waits_where_many_write(migrated_postgresql_url: str) -> None:
    with closing(Database(migrated_postgresql_url)) as database, database.write():
        with database.write():
            assert not database.others_wait()
        assert not database.others_wait()


def test_a_turn_inside_a_turn_of_the_same_thread_does_not_wait_for_itself(turns: SqliteTurns) -> None:
    with turns.turn() as outer, turns.turn() as inner:
        assert (outer, inner) == (True, False)
        assert not turns.others_wait()
    with turns.turn() as mine:
        assert mine


def test_an_exception_ends_the_turn(turns: SqliteTurns, file: Path) -> None:
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with ThreadPoolExecutor(1) as pool, closing(SqliteTurns(file, 0.0)) as impatient:

        def take() -> bool:
            with impatient.turn() as mine:
                return mine

        assert pool.submit(take).result(LONG)


def test_who_is_out_of_patience_goes_ahead_and_leaves_the_queue(turns: SqliteTurns, file: Path) -> None:
    with closing(SqliteTurns(file, 0.0)) as impatient, ThreadPoolExecutor(1) as pool:

        def take() -> bool:
            with impatient.turn() as mine:
                return mine

        with turns.turn():
            assert pool.submit(take).result(LONG) is False
            assert not turns.others_wait()
        assert pool.submit(take).result(LONG) is True


@contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, which has said that it is ready; it ends when its input does."""
    made = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert made.stdin
    assert made.stdout
    with made:
        assert made.stdout.readline() == "ready\n"
        yield made
        made.kill()


HOLDER = """
    import sys
    from engine.store.database import Database
    with Database(sys.argv[1]).write():
        print("ready", flush=True)
        sys.stdin.read()
"""


def test_a_process_that_is_killed_gives_up_its_turn(migrated_sqlite_url: str) -> None:
    database, file = Database(migrated_sqlite_url), Path(migrated_sqlite_url.removeprefix("sqlite:///"))
    with process(HOLDER, migrated_sqlite_url) as holder, ThreadPoolExecutor(1) as pool, closing(database):
        queued = threading.Event()

        def take() -> bool:
            with closing(SqliteTurns(file, LONG)) as turns:
                queued.set()
                with turns.turn() as mine:
                    return mine

        waiting = pool.submit(take)
        assert queued.wait(LONG)
        with closing(SqliteTurns(file, 0.0)) as impatient, impatient.turn() as mine:
            assert not mine, "the process holds it"
        assert not waiting.done()
        holder.kill()
        assert waiting.result(LONG)
        with database.write() as connection:
            connection.execute(text("CREATE TABLE after_all (n BIGINT)"))


FORKING = """
    import os, sys
    from pathlib import Path
    from engine.store.dialects.sqlite.turns import SqliteTurns
    turns = SqliteTurns(Path(sys.argv[1]), 0.0)
    with turns.turn():
        pass
    ready, go = os.pipe(), os.pipe()
    if not os.fork():
        with turns.turn() as mine:
            os.write(ready[1], b"y" if mine else b"n")
            os.read(go[0], 1)
        os._exit(0)
    assert os.read(ready[0], 1) == b"y"
    with turns.turn() as mine:
        assert not mine, "parent and child had the turn at once"
    os.write(go[1], b"x")
    os.wait()
    with turns.turn() as mine:
        assert mine
    print("ready", flush=True)
"""


def test_a_forked_process_has_a_place_of_its_own(file: Path) -> None:
    with process(FORKING, file):
        pass


def test_the_files_are_as_private_as_the_database(migrated_sqlite_url: str) -> None:
    with closing(Database(migrated_sqlite_url)) as database, database.write():
        pass
    folder = Path(migrated_sqlite_url.removeprefix("sqlite:///")).parent
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.glob("habitue.db-*")}
    assert modes == {"habitue.db-next": 0o600, "habitue.db-writing": 0o600}


@pytest.mark.parametrize("in_the_way", ["next", "writing"])
def test_where_files_cannot_be_locked_writing_works_without_turns(migrated_sqlite_url: str, in_the_way: str) -> None:
    path = Path(migrated_sqlite_url.removeprefix("sqlite:///"))
    elsewhere = path.with_name("elsewhere")
    elsewhere.touch()
    path.with_name(f"habitue.db-{in_the_way}").symlink_to(elsewhere)
    with closing(Database(migrated_sqlite_url)) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE written (n BIGINT)"))
        assert not database.others_wait()


def test_a_uri_of_sqlites_own_has_no_turns(migrated_sqlite_url: str) -> None:
    path = migrated_sqlite_url.removeprefix("sqlite:///")
    with closing(Database(f"sqlite:///file:{path}?uri=true")) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE written (n BIGINT)"))
    assert sorted(one.name for one in Path(path).parent.iterdir()) == ["habitue.db"]


def test_two_names_of_one_file_are_one_queue(file: Path, turns: SqliteTurns, tmp_path: Path) -> None:
    other_name = tmp_path / "other" / "name.db"
    other_name.parent.mkdir()
    other_name.symlink_to(file)
    with turns.turn(), closing(SqliteTurns(other_name, 0.0)) as other, other.turn() as mine:
        assert not mine


def test_closing_leaves_no_file_open(file: Path) -> None:
    def opened() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    before = opened()
    turns = SqliteTurns(file, 0.0)
    with turns.turn(), closing(SqliteTurns(file, 0.0)) as other, other.turn():
        assert opened() > before
    turns.close()
    assert opened() == before
