"""``habitue check`` finds templates that would take for ever, or are nested too deeply, with file and line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.composing.jobs import Limits
from engine.composing.processes import Processes
from engine.content.findings import Finding
from engine.explain.previewing import Previewer
from engine.explain.rehearsal import rehearse
from tests.composing.hostile import ENDLESS, IMPOSSIBLE, REFUSED, email
from tests.world import World, day

FILE = "templates/welcome/hello.email.j2"
LINK = "<a href='{{ unsubscribe_url }}'>Unsubscribe</a>"


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite_url: str) -> Iterator[World]:
    """What is tested does not depend on the database."""
    made = World(tmp_path / "maison", migrated_sqlite_url, settings={"composing": {"time": "1s", "memory": 256}})
    yield made
    made.close()


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    made = Processes(1, Limits(seconds=0.3, octets=512 << 20))
    yield made
    made.close()


def found(world: World, processes: Processes, html: str) -> list[Finding]:
    world.write(FILE, email(html + LINK))
    content, findings = world.app.examine()
    if content is None:
        return findings
    return rehearse(content, Previewer(content, world.app.settings.brand, processes), {}, day(0))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_nested_too_deeply_is_found_at_its_line(world: World, processes: Processes, name: str) -> None:
    [finding] = found(world, processes, REFUSED[name])
    assert (finding.file, finding.line, finding.severity) == (FILE, 2, "error")
    assert "nested" in finding.message or "digits" in finding.message or "inside each other" in finding.message


@pytest.mark.parametrize("name", ENDLESS)
def test_what_takes_for_ever_is_found_at_its_line(world: World, processes: Processes, name: str) -> None:
    [finding] = found(world, processes, ENDLESS[name])
    assert finding == Finding(FILE, 2, "takes more than 0.3 s of computing time")


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_can_never_be_rendered_is_found(world: World, processes: Processes, name: str) -> None:
    [finding] = found(world, processes, IMPOSSIBLE[name])
    assert finding.file == FILE
    assert "at most 18 digits" in finding.message or "levels of nested elements" in finding.message


@pytest.mark.parametrize(
    "value", ["facts.first_name | int", "facts.mail | date", "facts.spend | money", "user.key | int"]
)
def test_what_works_with_some_values_is_no_mistake(world: World, processes: Processes, value: str) -> None:
    assert found(world, processes, f"{{{{ {value} }}}}") == []


def test_what_works_with_no_value_is_a_warning(world: World, processes: Processes) -> None:
    [finding] = found(world, processes, "\n{{ facts.birthday | money }}")
    assert (finding.file, finding.line, finding.severity) == (FILE, 2, "warning")
    assert finding.message == "it cannot be sent, at least not to a made-up customer: takes a number"


def test_the_commands_say_it(world: World) -> None:
    world.write(FILE, email(ENDLESS["nested range joins"] + LINK))
    why = "takes more than 1 s of computing time"
    checked = world.program("check")
    assert checked.returncode == 1
    assert f"{FILE}:2: error: {why}" in checked.stdout
    for command in (["preview", "welcome/hello"], ["send-test", "welcome/hello", "--to", "you@example.com"]):
        shown = world.program(*command)
        assert shown.returncode == 2
        assert f"welcome/hello.email.j2:2: {why}" in " ".join(shown.stderr.split())
