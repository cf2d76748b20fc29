"""Files with customers' data are for their user alone, and are never written through a link."""

import json
import os
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.intake.files.records import Rejected
from engine.intake.files.rejects import Rejects
from engine.store.private import make_private
from tests.processes import migrate, quick

ROW = Rejected(2, "not an email address", "write one", ("1", "ann"))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def _usual_umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def reject(path: Path) -> None:
    with Rejects(path, ("id", "email")) as rejects:
        rejects.add([ROW])


def test_rejected_rows(tmp_path: Path) -> None:
    path = tmp_path / "users.rejected.csv"
    reject(path)
    assert mode(path) == 0o600
    assert "not an email address" in path.read_text(encoding="utf-8-sig")


def test_a_file_that_others_could_read_no_longer_is(tmp_path: Path) -> None:
    path = tmp_path / "users.rejected.csv"
    path.write_text("rejected_line,rejected_reason,rejected_remedy,id,email\n" + "read by everybody\n" * 100)
    path.chmod(0o644)
    reject(path)
    assert mode(path) == 0o600
    assert "everybody" not in path.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("link", ["symbolic", "hard", "dangling"])
def test_rejected_rows_are_not_written_through_a_link(tmp_path: Path, link: str) -> None:
    path, other = tmp_path / "users.rejected.csv", tmp_path / "precious.txt"
    if link != "dangling":
        other.write_text("precious")
    if link == "hard":
        path.hardlink_to(other)
    else:
        path.symlink_to(other)
    with pytest.raises(InputError, match=r"cannot be written to .*; choose another file with --rejected"):
        reject(path)
    assert (other.read_text() if link != "dangling" else other.exists()) in ("precious", False)


def test_a_pipe_that_nobody_reads_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match="it is a pipe"):
        reject(path)


def test_a_file_that_is_there_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("x")
    make_private(path)
    assert path.read_text() == "x"


def test_a_store_and_a_preview_of_the_program(sqlite_url: str, tmp_path: Path) -> None:
    world = quick(tmp_path / "maison", sqlite_url)
    migrate(world)
    page = tmp_path / "page.html"
    shown = world.program("preview", "welcome/hello", "--html", str(page), "--json")
    assert json.loads(shown.stdout)["html_file"] == str(page)
    assert mode(page) == 0o600
    assert mode(Path(sqlite_url.removeprefix("sqlite:///"))) == 0o600
