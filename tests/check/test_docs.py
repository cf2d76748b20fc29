"""The examples in docs/files.md work, and the page is complete."""

import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from engine.conditions import ConditionErrors, Scope, parse_condition
from engine.conditions.reading import MAX_DEPTH, MAX_TEXT
from engine.conditions.refusals import FUNCTIONS
from engine.content.bundle import Bundle
from engine.content.value_types import ValueType
from engine.facts.catalog import load_catalog
from engine.facts.sources import FACT_SOURCES
from engine.facts.sources.attribute import BUILT_IN_ATTRIBUTES
from engine.loading import examine
from engine.rules.case_rows import DEFAULT_NOW
from engine.rules.compile.form import (
    CaseSection,
    DimensionSection,
    SegmentSection,
    StageSection,
    TierSection,
    TransitionSection,
)
from engine.rules.decide.decider import Deciders
from engine.rules.dimension import MAX_ATOMS
from engine.rules.ruleset import load_rules
from engine.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs/files.md").read_text(encoding="utf-8")
SECTIONS = [
    *(kind.form for kind in FACT_SOURCES),
    DimensionSection,
    TierSection,
    StageSection,
    TransitionSection,
    SegmentSection,
    CaseSection,
]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@cache
def shown() -> Bundle:
    files = {}
    for block in blocks("toml"):
        path = re.match(r"# (rules/\w+\.toml)\n", block)
        assert path, block
        files[path[1]] = block
    return Bundle(files)


@cache
def scope() -> Scope:
    catalog, _ = load_catalog(shown(), 100)
    return load_rules(shown(), catalog)[0].scope


def test_the_files_shown_are_good_and_their_cases_hold() -> None:
    content, findings = examine(shown(), Settings(), Deciders())
    assert findings == []
    assert content is not None
    assert {dimension.kind for dimension in content.rules.dimensions} == {"tiers", "stages", "segments"}
    assert {fact.type for fact in content.catalog.facts.values()} >= {*ValueType} - {ValueType.NUMBER}


@pytest.mark.parametrize("condition", [line for block in blocks("sql") for line in block.splitlines()])
def test_conditions_shown_are_accepted(condition: str) -> None:
    parse_condition(condition, scope())


@pytest.mark.parametrize("condition", [line for block in blocks("sql refused") for line in block.splitlines()])
def test_conditions_shown_as_refused_are(condition: str) -> None:
    with pytest.raises(ConditionErrors) as refused:
        parse_condition(condition, scope())
    assert len(refused.value.errors) == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_described(section: type[BaseModel]) -> None:
    keys = [field.alias or name for name, field in section.model_fields.items()]
    assert [key for key in keys if f"`{key}`" not in PAGE] == []


def test_every_source_type_attribute_and_function_is_described() -> None:
    for word in (*(kind.name for kind in FACT_SOURCES), *ValueType, *BUILT_IN_ATTRIBUTES):
        assert f"`{word}`" in PAGE, word
    for function in FUNCTIONS:
        assert f"`{function}(" in PAGE, function


def test_the_limits_are_those_of_the_engine() -> None:
    assert f"at most {MAX_TEXT:,} characters and {MAX_DEPTH} levels of nesting" in PAGE
    assert f"at most {MAX_ATOMS} different comparisons" in PAGE
    assert DEFAULT_NOW in PAGE
