"""What cannot work ends with one sentence that helps and exit code 2; never with a traceback."""

import asyncio
import contextlib
import os
import socket
import sqlite3
import struct
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from engine.breaker import Alarm
from engine.clock import WallClock
from engine.errors import StoreError
from tests.adapters.scripted_smtp import ScriptedSmtp
from tests.conftest import POSTGRESQL_IN_BULK
from tests.processes import habitue, just_now, migrate, opened, people, quick, running
from tests.program import Ended
from tests.worker.test_run import accepted, orderly
from tests.world import World

AS_ROOT = os.geteuid() == 0


class Refusing:
    """A PostgreSQL server that lets nobody in."""

    def __enter__(self) -> int:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        port: int = self._server.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the end of the test
            while True:
                connection, _ = self._server.accept()
                with connection:
                    self._refuse(connection)

    def _refuse(self, connection: socket.socket) -> None:
        while head := connection.recv(8, socket.MSG_WAITALL):
            size, code = struct.unpack("!ii", head)
            connection.recv(size - 8, socket.MSG_WAITALL)
            if code == PROTOCOL_3:
                fields = b'SFATAL\0C28P01\0Mpassword authentication failed for user "shop"\0\0'
                connection.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                return
            connection.sendall(b"N")  # no encryption


PROTOCOL_3 = 0x30000


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    world = quick(tmp_path / "maison", sqlite_url)
    yield world
    world.close()


def sentence(ended: "Ended | subprocess.CompletedProcess[str]") -> str:
    """The one sentence of a command that could not do its work."""
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    *before, last = ended.stderr.strip().splitlines()
    assert not [line for line in before if not line.startswith("{")], ended.stderr
    return last.removeprefix("habitue: ")


@pytest.mark.parametrize("command", ["tick", "run"])
def test_a_store_that_was_never_migrated(database_url: str, tmp_path: Path, command: str) -> None:
    world = quick(tmp_path / "maison", database_url)
    said = sentence(habitue(world, command) if command == "run" else world.program(command))
    assert said.endswith("run `habitue migrate`")


def test_no_settings(world: World) -> None:
    world.config.unlink()
    assert sentence(world.program("run")) == (
        f"{world.config} is missing: run from the brand's folder, or name the file with --config"
    )


def test_a_folder_that_cannot_be_made(world: World) -> None:
    (world.folder / "file").write_text("")
    world.configure(store={"url": f"sqlite:///{world.folder}/file/habitue.db"})
    said = sentence(world.program("migrate"))
    assert said.startswith(f"the folder of the database {world.folder}/file/habitue.db cannot be created: ")


def test_a_database_file_that_is_a_folder(world: World) -> None:
    world.configure(store={"url": f"sqlite:///{world.folder}"})
    assert "cannot be opened: check that the folder exists and is writable" in sentence(world.program("migrate"))


def test_a_file_that_is_no_database(world: World) -> None:
    (world.folder / "notes.db").write_text("nothing of the sort\n" * 200)
    world.configure(store={"url": f"sqlite:///{world.folder}/notes.db"})
    assert "is not a database" in sentence(world.program("migrate"))


@pytest.mark.parametrize("command", ["tick", "run", "migrate"])
def test_a_read_only_database(world: World, command: str) -> None:
    """The file itself, and the folder, in which SQLite keeps its journal, as another user would meet them."""
    migrate(world)
    world.write("rules/value.toml", (world.folder / "rules/value.toml").read_text().replace("500", "510"))
    if command == "migrate":
        world.write("rules/value.toml", (world.folder / "rules/value.toml").read_text().replace("value", "worth"))
        world.write("playbooks/vip.toml", (world.folder / "playbooks/vip.toml").read_text().replace("value", "worth"))
    path = Path(str(make_url(world.url).database))
    world.configure(store={"url": f"sqlite:///file:{path}?mode=ro&uri=true"})
    assert sentence(world.program(command)).endswith(
        "is read-only: make the file and its folder writable for this user"
    )


@pytest.mark.skipif(AS_ROOT, reason="to root nothing is read-only")
def test_a_read_only_folder(world: World) -> None:
    migrate(world)
    folder = Path(str(make_url(world.url).database)).parent
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    try:
        assert "is read-only: make the file and its folder writable" in sentence(world.program("tick"))
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("command", ["tick", "run"])
def test_a_wrong_database_password(world: World, command: str) -> None:
    """A server of ours that refuses, as PostgreSQL does: that of the tests lets everybody in."""
    with Refusing() as port:
        world.configure(store={"url": f"postgresql://shop:hunter2@127.0.0.1:{port}/shop"})
        ended = world.program(command)
    said = sentence(ended)
    assert said == (
        f"the database postgresql://shop:***@127.0.0.1:{port}/shop refuses the user or password: "
        "check store.url or HABITUE_STORE__URL"
    )


def test_no_database_server(world: World) -> None:
    world.configure(store={"url": "postgresql://shop:hunter2@127.0.0.1:1/shop"})
    ended = world.program("tick")
    assert "cannot be reached" in sentence(ended)
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            {"email": {"adapter": "pigeon"}},
            "config.toml: channels.email.adapters: there is no adapter `pigeon`; known: ",
        ),
        ({"adapters": {"capture": {"folders": "x"}}}, "config.toml: adapters.capture: `folders`: "),
        ({"schedule": {"calibrate": "at night"}}, "schedule.calibrate: `at night` is not crontab: write five fields"),
        ({"schedule": {"tick": "often"}}, "`schedule.tick`: `often` is not a duration"),
        ({"store": {"url": "oracle://shop"}}, "store.url is not a database that Habitué supports"),
        ({"stores": {"url": "x"}}, "unknown key `stores`"),
        ({"store": {"url": "postgresql://shop@127.0.0.1:notaport/shop"}}, "store.url: the port is not a number"),
        ({"delivery": {"unsubscribe_secret": "   "}}, "`delivery.unsubscribe_secret`: it is blank: remove it, or "),
        ({"delivery": {"unsubscribe_secret": "x"}}, "`delivery.unsubscribe_secret`: a secret is too short: write at"),
        (
            {"delivery": {"unsubscribe_secret": "long-enough-to-sign-with short"}},
            "a secret is too short: write at least 16 characters for each",
        ),
    ],
)
def test_settings_that_make_no_sense(world: World, sections: dict[str, dict[str, object]], says: str) -> None:
    migrate(world)
    world.configure(**sections)
    assert says in sentence(world.program("run"))


def test_an_unknown_adapter_is_found_by_check(world: World) -> None:
    world.configure(email={"adapter": "pigeon"})
    assert "there is no adapter `pigeon`" in sentence(world.program("check"))


def test_a_full_disk_stops_nothing_half_way(world: World) -> None:
    """SQLite is told that its file may not grow; once it may again, everything is done."""
    migrate(world)
    people(world, 300, just_now())
    [(pages,)] = world.rows("PRAGMA page_count")
    with opened(world) as app:
        content = app.content()
        event.listen(app.database.engine, "connect", partial(_no_more_than, pages))
        with pytest.raises(StoreError, match="is full: nothing was written in this step"):
            app.tick(content, WallClock().now())
    assert world.rows("SELECT count(*) FROM action") == world.rows("SELECT count(*) FROM enrolment") == [(0,)]
    with opened(world) as app:
        app.tick(content, WallClock().now())
        assert app.deliver(content).states == {"accepted": 375}


def _no_more_than(pages: int, connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_wrong_password_for_mail_pauses_the_adapter(database_url: str, tmp_path: Path) -> None:
    world = quick(tmp_path / "maison", database_url)
    migrate(world)
    people(world, 4, just_now())

    async def deliver() -> tuple[Alarm, ...]:
        refusals = ["535 5.7.8 Error: authentication failed: hunter2"] * 20
        async with ScriptedSmtp({"AUTH": refusals}, extensions=("AUTH PLAIN LOGIN",)) as server:
            options = {"host": "127.0.0.1", "port": server.port, "security": "none"}
            world.configure(
                email={"adapter": "smtp"},
                adapters={"smtp": {**options, "username": "maison", "password": "hunter2"}},
            )
            with opened(world) as app:
                content = app.content()
                app.tick(content, WallClock().now())
                return (await app.delivery(content).drain()).alarms

    [alarm] = asyncio.run(deliver())
    assert "hunter2" not in str(alarm)
    assert "adapter `smtp` is down since" in str(alarm)
    assert world.rows("SELECT DISTINCT state, reason, tries FROM action") == [("queued", "adapter_down", 0)]
    world.close()


@pytest.mark.parametrize("database_url", POSTGRESQL_IN_BULK, indirect=True)
def test_a_mail_server_that_refuses_the_connection_pauses_its_adapter(database_url: str, tmp_path: Path) -> None:
    world = quick(tmp_path / "maison", database_url)
    world.configure(
        email={"adapter": "smtp"},
        adapters={"smtp": {"host": "127.0.0.1", "port": 1, "security": "none"}},
    )
    migrate(world)
    people(world, 4, just_now())
    with running(world) as worker:
        worker.until(lambda: worker.entries("adapter_down"), "an alarm in the log")
        orderly(world, worker)
    assert world.rows("SELECT DISTINCT state, tries FROM action") == [("queued", 0)], "none failed, none was counted"
    status = world.program("status")
    assert status.returncode == 1
    assert "email" in status.stdout
    world.configure(email={"adapter": "capture"})
    with running(world) as mended:
        mended.until(lambda: accepted(world, "hello", 4) and accepted(world, "thanks", 1), "delivered after all")
        orderly(world, mended)
    world.close()
