"""What a command is told to write goes nowhere but to a new file, or over an earlier one of the same sort."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.program import program
from engine.errors import InputError
from tests.intake.test_command import brand, run

__all__ = ["brand"]

GOOD, BAD = "key,birthday\nann,1990-02-28\n", "key,birthday\nann,1990-02-28\nben,soon\n"
HEADER = "rejected_line,rejected_reason,rejected_remedy,key,birthday\n"


def source(brand: Path, text: str = BAD) -> Path:
    path = brand / "users.csv"
    path.write_text(text)
    return path


def refusal(result: Result) -> str:
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".habitue-*")]


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize("text", [GOOD, BAD])
@pytest.mark.parametrize("name", ["config.toml", "rules/facts.toml", "habitue.db"])
def test_no_other_file_is_replaced(brand: Path, name: str, text: str, more: tuple[str, ...]) -> None:
    before = (brand / name).read_bytes()
    said = refusal(run(brand, "import", "users", str(source(brand, text)), "--rejected", str(brand / name), *more))
    assert "another file is already there" in said
    assert "choose another file with --rejected" in said
    assert (brand / name).read_bytes() == before


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize("way", ["itself", "dots", "link", "hard link", "link to a link"])
@pytest.mark.parametrize("text", [BAD, HEADER + "3,birthday: not a date,write one,ben,soon\n"])
def test_the_input_is_never_the_output(brand: Path, text: str, way: str, more: tuple[str, ...]) -> None:
    path, out = source(brand, text), brand / "out.csv"
    if way == "itself":
        out = path
    elif way == "dots":
        out = brand / "rules" / ".." / "users.csv"
    elif way == "hard link":
        out.hardlink_to(path)
    elif way == "link":
        out.symlink_to(path)
    else:
        (brand / "first").symlink_to(path)
        out.symlink_to(brand / "first")
    result = run(brand, "import", "users", str(path), "--rejected", str(out), *more)
    assert "it is the file that is read" in refusal(result)
    assert path.read_text() == text


def test_nor_is_it_when_the_import_is_repeated(brand: Path) -> None:
    path = source(brand, GOOD)
    assert run(brand, "import", "users", str(path)).exit_code == 0
    assert "the file that is read" in refusal(run(brand, "import", "users", str(path), "--rejected", str(path)))


def test_nor_is_the_file_that_standard_input_comes_from(brand: Path) -> None:
    path = source(brand)
    arguments = ["--config", str(brand / "config.toml"), "import", "users", "-", "--rejected", str(path)]
    with path.open("rb") as redirected:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *arguments], check=False, stdin=redirected, capture_output=True
        )
    assert (done.returncode, b"it is the file that is read" in done.stderr) == (2, True)
    assert path.read_text() == BAD


def in_the_way(path: Path, what: str) -> None:
    match what:
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a link":
            path.symlink_to("nowhere")
        case "a device":
            os.mknod(path, 0o020666, os.makedev(1, 3))
        case _:
            path.write_text("precious")


KINDS = ["a folder", "a pipe", "a link", "another file", "a device"]


@pytest.mark.parametrize("what", KINDS)
def test_what_is_in_the_way_beside_the_input_is_left(brand: Path, what: str) -> None:
    path = brand / "users.csv.rejected.csv"
    try:
        in_the_way(path, what)
    except PermissionError:
        path = Path(os.devnull)
    given = () if path.parent == brand else ("--rejected", str(path))
    before = path.lstat()
    assert what in refusal(run(brand, "import", "users", str(source(brand)), *given))
    assert (path.lstat().st_ino, path.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert leftovers(brand) == []


def test_rejected_rows_of_an_earlier_run_are_replaced_and_emptied(brand: Path) -> None:
    rejected = brand / "users.csv.rejected.csv"
    assert run(brand, "import", "users", str(source(brand))).exit_code == 1
    assert rejected.read_text(encoding="utf-8-sig").startswith(HEADER + "3,")
    assert run(brand, "import", "users", str(source(brand, GOOD))).exit_code == 0
    assert rejected.read_text(encoding="utf-8-sig") == HEADER
    rejected.write_text("")
    assert run(brand, "import", "users", str(source(brand)), "--again").exit_code == 1
    assert rejected.read_text(encoding="utf-8-sig").startswith(HEADER + "3,")
    assert leftovers(brand) == []


def test_a_missing_folder_is_said(brand: Path) -> None:
    out = brand / "missing" / "bad.csv"
    said = refusal(run(brand, "import", "users", str(source(brand)), "--rejected", str(out)))
    assert said == (
        f"the rejected rows cannot be written to {out}: No such file or directory; choose another file with --rejected"
    )


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Let no file grow beyond ``room`` bytes, in this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing(brand: Path) -> None:
    rejected = brand / "users.csv.rejected.csv"
    assert run(brand, "import", "users", str(source(brand))).exit_code == 1
    before = rejected.read_bytes()
    text = BAD + "".join(f"u{number},{'x' * 60}\n" for number in range(20_000))
    path = source(brand, text)
    with full_disk(path.stat().st_size):  # rejected rows with their reasons are longer than the rows
        said = refusal(run(brand, "import", "users", str(path), "--dry-run"))
    assert "the rejected rows cannot be written" in said
    assert rejected.read_bytes() == before
    assert leftovers(brand) == []


def export(folder: Path) -> Result:
    return CliRunner().invoke(program, ["demo", "--users", "5", "--export", str(folder)])


@pytest.fixture
def at_home(brand: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(brand)
    return brand


@pytest.mark.parametrize("what", KINDS[:4])
@pytest.mark.parametrize("name", ["users.csv", "events.jsonl.gz"])
def test_a_demo_replaces_no_other_customers(at_home: Path, name: str, what: str) -> None:
    in_the_way(at_home / name, what)
    assert f"{what}" in refusal(export(at_home))
    others = {"users.csv", "events.jsonl.gz"} - {name}
    assert not any((at_home / other).exists() for other in others)
    assert leftovers(at_home) == []


def test_a_demo_replaces_its_own_files(at_home: Path) -> None:
    for _ in range(2):
        done = export(at_home)
        assert done.exit_code == 0, done.output
    assert run(at_home, "import", "events", "events.jsonl.gz").exit_code == 0


@pytest.mark.parametrize("name", ["config.toml", "rules", "templates"])
def test_a_brand_is_not_started_through_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    result = CliRunner().invoke(program, ["init", str(tmp_path)])
    assert f"already contains {name}" in refusal(result)
    assert not (tmp_path / "elsewhere").exists()
