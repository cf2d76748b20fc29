"""What stands in the brand's folders and is no file that people write: found, said, and never in the way of what runs."""

import gzip
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.content import folder as folder_reading
from engine.content.bundle import read_bundle
from engine.errors import ContentError, HabitueError
from engine.settings import load_settings
from engine.text_file import MAX_BYTES, TextFile, read_text
from engine.worker.content_watch import ContentWatch
from tests.world import World, day


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def sock(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


def saying(content: bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(content), None)[1]


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "dangling link": (dangling, "it points to nothing; point it to a file, or remove it"),
    "link loop": (loop, "the link leads to no readable file: Too many levels"),
    "folder": (Path.mkdir, "it is a folder, not a file"),
    "pipe": (pipe, "it is a pipe, not a file"),
    "link to a pipe": (link_to_pipe, "it is a pipe, not a file"),
    "socket": (sock, "it is a socket, not a file"),
    "endless device": (endless, "it is a device, not a file"),
    "huge": (huge, "larger than 1,000,000 bytes"),
    "not UTF-8": (saying(b"a\n\xff"), "not UTF-8 text (the byte 0xff)"),
    "UTF-16": (saying("a = 1".encode("utf-16")), "not UTF-8 text"),
    "NUL": (saying(b"# a\0b"), "a NUL character"),
}
PLACES = ["rules/x.toml", "playbooks/x.toml", "templates/x.email.j2"]


@pytest.fixture
def small(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[World]:
    """Maison on SQLite, running: files do not depend on the database."""
    made = World(tmp_path / "maison", migrated_sqlite_url).open()
    yield made
    made.close()


def found(world: World) -> list[dict[str, str]]:
    done = world.command("check", "--json")
    assert done.exit_code == 1, done.exception
    return [one for one in json.loads(done.stdout) if one["severity"] == "error"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("odd", ODD)
def test_it_is_found_and_what_runs_goes_on(small: World, odd: str, place: str) -> None:
    make, said = ODD[odd]
    watch = ContentWatch(small.app)
    good = watch.refresh().content.version
    make(small.folder / place)
    assert any(one["file"] == place and said in one["message"] for one in found(small))
    for command in ("apply", "tick"):
        assert isinstance(small.command(command).exception, ContentError)
    for _ in range(2):
        assert watch.refresh().content.version == good
        assert said in str(watch.message)
    small.app.tick(watch.refresh().content, day(1))
    fresh = ContentWatch(small.app)
    assert (fresh.refresh().content.version, said in str(fresh.message)) == (good, True)
    odd_one = small.folder / place
    odd_one.rmdir() if odd == "folder" else odd_one.unlink()
    assert watch.refresh().content.version == good
    assert watch.message is None


def test_a_file_that_others_need_is_the_only_finding(small: World) -> None:
    facts = small.folder / "rules/facts.toml"
    facts.unlink()
    facts.symlink_to("nowhere")
    assert [one["file"] for one in found(small)] == ["rules/facts.toml"]


def test_what_may_not_be_read_is_found(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refusing(path: str | Path, flags: int, mode: int = 0o777) -> int:  # root may read everything
        if str(path).endswith("facts.toml"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", refusing)
    assert [str(one) for one in small.app.bundle().unreadable] == [
        "rules/facts.toml: error: cannot be read: Permission denied; make it a readable file, or remove it"
    ]


def test_a_folder_that_cannot_be_listed_is_found(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("thanks"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    bundle = small.app.bundle()
    assert [str(one) for one in bundle.unreadable] == [
        "templates/thanks: error: the files of this folder cannot be listed: Permission denied; make it readable"
    ]
    assert not bundle.whole


def test_a_name_that_is_not_utf8_is_found(small: World) -> None:
    (small.folder / "playbooks" / os.fsdecode(b"caf\xe9.toml")).write_text("")
    [one] = found(small)
    assert (one["file"], one["message"]) == ("playbooks/caf\\xe9.toml", "the name of this file is not UTF-8; rename it")


def test_temporary_files_of_editors_are_no_files_of_the_brand(small: World) -> None:
    before = small.app.bundle()
    for folder in ("rules", "playbooks", "templates"):
        (small.folder / folder / ".#x.toml").symlink_to("ann@laptop.4711")
        for name in ("x.toml~", ".x.toml.swp", "#x.toml#", "._x.toml", ".hidden.email.j2", "x.email.j2.orig"):
            (small.folder / folder / name).write_bytes(b"\0\xff")
        (small.folder / folder / ".checkpoints").mkdir()
        (small.folder / folder / ".checkpoints" / "x.toml").write_text("nonsense")
        (small.folder / folder / "again").symlink_to("..")
    assert small.app.bundle() == before


def test_a_byte_order_mark_is_no_mistake(small: World) -> None:
    before = small.app.bundle()
    for path in (small.folder / "rules/facts.toml", small.config):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert small.app.bundle() == before
    assert small.command("check").exit_code == 0


def reads_with(monkeypatch: pytest.MonkeyPatch, vanishing: int) -> None:
    """Let the first so many readings of a file find that it has vanished since it was listed."""
    left = [vanishing]

    def read(path: Path) -> TextFile:
        if left[0] > 0:
            left[0] -= 1
            raise FileNotFoundError(2, "No such file or directory")
        return read_text(path)

    monkeypatch.setattr(folder_reading, "read_text", read)


def test_files_that_vanish_while_they_are_read(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = small.app.bundle()
    reads_with(monkeypatch, 2)
    assert small.app.bundle() == before
    reads_with(monkeypatch, 3)
    assert "vanish while they are read" in str(small.app.bundle().unreadable[0])


def test_a_folder_that_is_away_for_a_moment_stops_no_worker(small: World) -> None:
    watch = ContentWatch(small.app)
    good = watch.refresh().content.version
    small.app.tick(watch.refresh().content, day(1))
    (small.folder / "rules").rename(small.folder / "elsewhere")
    assert watch.refresh().content.version == good
    assert "does not exist; set `content.rules`" in str(watch.message)
    assert ContentWatch(small.app).refresh().content.version == good
    (small.folder / "elsewhere").rename(small.folder / "rules")
    assert watch.refresh().content.version == good
    assert watch.message is None


DEEP = {
    "parentheses": f'[facts.x]\nexpr = "{"(" * 3_000}1"',
    "a few hundred parentheses": f'[facts.x]\nexpr = "{"(" * 500}1{")" * 500}"',
    "negations": f'[facts.x]\nexpr = "{"not " * 900}true"',
    "cases": f'[facts.x]\nexpr = "{"case when true then " * 180}1{" end" * 180}"',
    "functions": f'[facts.x]\nexpr = "{"coalesce(" * 300}1{")" * 300}"',
    "a long sum": f'[facts.x]\nexpr = "1{"+1" * 1_500}"',
    "comparisons": f'[facts.x]\nexpr = "1{"=1" * 1_500}"',
    "lists": f"x = {'[' * 500}{']' * 500}",
    "many lists": f"x = {'[' * 5_000}{']' * 5_000}",
    "tables": f"x = {'{a=' * 500}1{'}' * 500}",
    "dotted keys": f"{'a.' * 5_000}a = 1",
    "a dotted table": f"[{'a.' * 5_000}a]",
    "dotted keys in a fact": f"[facts.x]\n{'a.' * 200}a = 1",
    "a number of many digits": f"[facts.x]\nexpr = {'9' * 5_000}",
    "a number in a condition": f'[facts.x]\nexpr = "{"9" * 3_900}"',
    "a number in a case": f"[[case]]\nfacts = {{ x = {'9' * 4_000} }}",
    "a real number": "[facts.x]\ncount = 1e999999999",
    "not a number": "[facts.x]\nattribute = nan",
}


@pytest.mark.parametrize("place", ["rules/x.toml", "rules/facts.toml", "playbooks/x.toml", "playbooks/coupons.toml"])
@pytest.mark.parametrize("deep", DEEP)
def test_what_is_nested_too_deeply_or_too_long_is_found(small: World, deep: str, place: str) -> None:
    text = DEEP[deep]
    if place.startswith("playbooks"):
        text = text.replace("[facts.x]\nexpr", "[audience]\nwhen")
    small.write(place, text)
    assert any(one["file"] == place for one in found(small))


@pytest.mark.parametrize("odd", ODD)
def test_the_settings_are_read_as_carefully(tmp_path: Path, odd: str) -> None:
    make, said = ODD[odd]
    make(tmp_path / "config.toml")
    with pytest.raises(HabitueError) as refused:
        load_settings(tmp_path / "config.toml")
    assert str(refused.value).startswith(f"{tmp_path / 'config.toml'}:")
    assert said in str(refused.value)


@pytest.mark.parametrize("deep", ["dotted keys", "lists", "many lists", "tables", "a number of many digits"])
def test_settings_may_be_too_deep_as_well(tmp_path: Path, deep: str) -> None:
    (tmp_path / "config.toml").write_text(DEEP[deep])
    with pytest.raises(HabitueError, match=r"config\.toml: "):
        load_settings(tmp_path / "config.toml")


@pytest.mark.parametrize("odd", ["dangling link", "folder", "pipe", "socket"])
def test_a_file_of_codes_that_is_none(small: World, odd: str) -> None:
    path = small.folder / "codes.csv"
    ODD[odd][0](path)
    done = small.command("coupons", "import", "GIFT", str(path))
    assert f"{path} cannot be read as a file of coupon codes" in str(done.exception)


def test_packed_codes_that_end_early(small: World) -> None:
    path = small.folder / "codes.csv.gz"
    path.write_bytes(gzip.compress(b"A1\nA2\n")[:-9])
    done = small.command("coupons", "import", "GIFT", str(path))
    assert f"{path} cannot be read as a file of coupon codes" in str(done.exception)


def test_read_bundle_says_where_a_folder_should_be(tmp_path: Path) -> None:
    with pytest.raises(HabitueError, match=r"set `content\.rules`"):
        read_bundle(tmp_path / "rules", tmp_path, tmp_path)
