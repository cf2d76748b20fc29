"""``habitue explain``: the page, the JSON and its documentation."""

import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from engine.explain.health_models import Status
from engine.explain.models import Explanation
from engine.explain.previewing import Preview
from engine.explain.report.models import DayCount, PlaybookCount, ReasonCount, Report
from tests.explain.test_explain import spender
from tests.world import World

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"


def test_the_page_fits_and_tells_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    world.codes("A-1")
    spender(world)
    world.tick(2.1, deliver=True)
    done = world.command("explain", "ann", "--at", "2026-01-04")
    assert done.exit_code == 0
    assert max(len(line) for line in done.output.splitlines()) <= 80
    for said in ("$600.00", "high", "value.high.keep", "rules/value.toml", "A-1", "coupon_pool_empty", "winback"):
        assert said in done.output
    assert "ann@example.com" not in done.output
    assert "ann@example.com" in world.command("explain", "ann", "--show-addresses").output


def test_markup_in_a_users_values_is_shown_as_it_is(world: World) -> None:
    world.user("odd", first_name="[bold]Eve[/nothing]")
    world.tick(1)
    assert "[bold]Eve[/nothing]" in world.command("explain", "odd").output


def test_json_says_the_same_with_instants_as_text(world: World) -> None:
    spender(world)
    done = json.loads(world.command("explain", "ann", "--json", "--at", "2026-01-03").output)
    assert list(done) == [field.name for field in fields(Explanation)]
    assert done["user"]["first_seen_at"] == "2026-01-01T00:00:00Z"
    assert done["next_evaluation"]["evaluated_at"] == "2026-01-03T00:00:00Z"
    assert done["dimensions"][0]["slots"][0]["since"] == "2026-01-03T00:00:00Z"


def test_it_explains_by_the_version_that_runs_while_the_files_have_errors(world: World) -> None:
    spender(world)
    world.write("rules/value.toml", "nothing of sense")
    assert world.command("explain", "ann").exit_code == 0


def test_an_unknown_user_is_one_sentence_and_exit_2(world: World) -> None:
    ended = world.program("explain", "nobody")
    assert ended.returncode == 2
    assert "no such user `nobody`" in ended.stderr


def keys(kind: Any) -> set[str]:
    """All keys of a read model and of those inside it."""
    if not is_dataclass(kind):
        return {key for inner in get_args(kind) for key in keys(inner)}
    hints = get_type_hints(kind)
    return set(hints) | {key for hint in hints.values() for key in keys(hint)}


@pytest.mark.parametrize("model", [Explanation, Status, Preview, Report, PlaybookCount, ReasonCount, DayCount])
def test_every_key_of_the_json_is_documented(model: type) -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert keys(model) - named == set()
