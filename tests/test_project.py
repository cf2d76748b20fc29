"""Project rules that no linter checks: one clock, one importer of durable_rules, locks with hashes, valid docs."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")
MOST_LINES = 400
WALL_CLOCKS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
# Databases have clocks too. Matched in string constants that are not docstrings.
SQL_CLOCK = re.compile(
    r"\bcurrent_(timestamp|date|time)\b|\bnow\(\)|\bclock_timestamp\(|'now'|\bunixepoch\(\)", re.IGNORECASE
)
# Written so that no pattern matches itself.
OF_ONE_MACHINE = re.compile(
    r"/[w]ork/|/[r]oot/|/[o]pt/(wheels|pypi)|/[U]sers/\w+/|pypi[.]org|pythonhosted[.]org|registry[.]npmjs"
    r"|--(extra-)?index-[u]rl|--find-[l]inks"
)


def tracked() -> list[Path]:
    """All text files that git has or would take."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout, so what belongs to the project is not known")
    paths = [ROOT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8_192]]


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def string_constants(tree: ast.AST) -> Iterator[ast.Constant]:
    """Strings of the code, without those that stand alone: docstrings."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node


def wall_clocks(tree: ast.AST) -> Iterator[int]:
    """Lines that ask what time it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if (owner, node.attr) in WALL_CLOCKS:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for name in node.names if ("time", name.name) in WALL_CLOCKS)
    yield from (node.lineno for node in string_constants(tree) if SQL_CLOCK.search(str(node.value)))


def test_only_the_clock_asks_what_time_it_is() -> None:
    found = [
        place(path, line)
        for path in sources("engine", "adapters")
        if path != ROOT / "engine" / "clock.py"
        for line in wall_clocks(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "time is a parameter: take an Instant, or a Clock"


@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.time()",
        "from time import time_ns",
        "datetime.datetime.now(UTC)",
        "date.today()",
        "execute('SELECT CURRENT_TIMESTAMP')",
        "execute(\"select strftime('%s', 'now')\")",
    ],
)
def test_a_wall_clock_is_found(code: str) -> None:
    assert list(wall_clocks(ast.parse(code)))


@pytest.mark.parametrize("code", ["clock.now()", "time.monotonic()", "'''now() is not asked here'''", "knows = 1"])
def test_what_is_no_wall_clock_is_let_through(code: str) -> None:
    assert not list(wall_clocks(ast.parse(code)))


def test_durable_rules_has_one_importer() -> None:
    importing = re.compile(r"^\s*(import|from)\s+(durable|durable_rules_engine)\b", re.MULTILINE)
    importers = {path for path in sources("engine", "adapters") if importing.search(path.read_text(encoding="utf-8"))}
    assert importers <= {ROOT / "engine" / "rules" / "decide" / "decider.py"}


def test_nothing_belongs_to_one_machine() -> None:
    found = [
        f"{place(path, number)}: {match[0]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := OF_ONE_MACHINE.search(line))
    ]
    assert found == []


def test_no_two_classes_of_the_engine_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sources("engine"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(place(path, node.lineno))
    assert "App" in places
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_files_stay_small_enough_to_be_one_idea() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in sources("engine", "adapters", "tests", "bench", "tools")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    ]
    assert long == []


def locked(name: str) -> dict[str, str]:
    """Package to version of one lock file; fails where an entry has no hash."""
    entries = re.split(r"^(?=[a-zA-Z0-9])", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    versions = {}
    for entry in entries:
        match = re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry)
        assert match, f"{name}: not a pinned package: {entry.splitlines()[0]}"
        assert "--hash=sha256:" in entry, f"{name}: {match[1]} has no hash"
        versions[match[1]] = match[2]
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_locks_pin_and_hash_every_package(name: str) -> None:
    assert locked(name)


def test_the_dev_lock_holds_the_runtime_lock() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, wanted in [
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", project["optional-dependencies"]["dev"]),
    ]:
        asked = {re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in wanted}
        assert asked <= locked(name).keys(), f"{name} is older than pyproject.toml: run `make lock`"


def test_the_commands_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        (document.name, target)
        for document in documents
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert {("README.md", "run"), ("README.md", "test")} <= named
    assert {target for _, target in named} <= targets


@pytest.mark.parametrize("name", [".ci/run", "tools/lock.sh"])
def test_scripts_can_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o111


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key that can be set, as it is written: `store.url`."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_setting_is_documented() -> None:
    from engine.settings import Settings

    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [key for key in keys(Settings) if f"`{key}`" not in text] == []
