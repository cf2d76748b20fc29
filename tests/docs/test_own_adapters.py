"""The pages of channels whose adapters are part of the program: their options, and the reasons of their answers."""

import re
import tomllib

import pytest

from adapters.kinds import AdapterKind
from adapters.registry import ADAPTERS
from engine.kinds import SHIPPED
from engine.task_settings import TaskSettings
from tests.docs.tables import DOCS, mistakes, rows

PAGES = {"inbox": "inbox.md", "task": "tasks.md"}
OWN = [kind for kind in SHIPPED.adapters if kind not in ADAPTERS]


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.name)
def test_the_page_says_what_the_options_are(kind: AdapterKind) -> None:
    table = rows(PAGES[kind.name], "Options")
    assert list(mistakes(kind.options, table, "", f"HABITUE_ADAPTERS__{kind.name.upper()}__")) == []
    assert table.keys() == kind.options.model_fields.keys()


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.name)
def test_the_page_tells_of_every_reason_in_its_words(kind: AdapterKind) -> None:
    table = rows(PAGES[kind.name], "Answers")
    assert {word: cells[-1] for word, cells in table.items()} == {one.value: one.sentence for one in kind.reasons}


def test_the_settings_of_tasks_that_the_page_shows_are_good() -> None:
    page = (DOCS / "tasks.md").read_text(encoding="utf-8")
    shown = tomllib.loads(re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0])
    read = TaskSettings.model_validate(shown["tasks"])
    assert {*read.owners.values()} <= {*read.people}
