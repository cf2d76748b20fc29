"""docs/architecture.md matches the code: its layers, its tables, and its example."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from engine.content.bundle import read_bundle
from engine.explain.words import atom_words
from engine.facts.catalog import load_catalog
from engine.rules.decide.decider import Deciders
from engine.rules.decide.decisions import PlacementDecider
from engine.rules.dimension import MAX_ATOMS, Dimension, SlotAtom
from engine.rules.ruleset import load_rules
from engine.store.tables import Users

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_layers_are_those_of_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    wanted = [set(re.findall(r"\((\w+)\)", line)) for line in contract["layers"] if line != "(__main__)"]
    block = PAGE.split("```text\n")[1].split("```")[0]
    assert [set(re.findall(r"\w+", line[:35])) for line in block.splitlines()] == wanted


def test_every_table_is_told_of() -> None:
    assert Users.__tablename__ in SQLModel.metadata.tables
    assert [name for name in SQLModel.metadata.tables if f"`{name}`" not in PAGE] == []


@cache
def value() -> Dimension:
    bundle = read_bundle(ROOT / "rules", ROOT / "playbooks", ROOT / "templates")
    catalog, _ = load_catalog(bundle, 100)
    rules, findings = load_rules(bundle, catalog)
    assert findings == []
    return next(dimension for dimension in rules.dimensions if dimension.name == "value")


def test_the_atoms_of_the_example_are_those_of_the_file() -> None:
    rows = re.findall(r"^\| (\d) \| `([^`]+)` \| `(\w+)`, (\w+) \|$", PAGE, re.MULTILINE)
    assert [(int(bit), atom) for bit, atom, _, _ in rows] == [
        (bit, atom_words(atom) if isinstance(atom, SlotAtom) else atom.text) for bit, atom in enumerate(value().atoms)
    ]


@pytest.mark.parametrize(
    ("signature", "bits", "place", "rule"),
    re.findall(r"^\| `([0-9a-f]{2})` \| `([01]{8})` \| none \| [\d,]+ \| (\w+) \| `([\w.]+)` \|$", PAGE, re.MULTILINE),
)
def test_the_decisions_of_the_example_are_so(signature: str, bits: str, place: str, rule: str) -> None:
    assert int(signature, 16) == int(bits, 2)
    decision = PlacementDecider(value(), Deciders()).decide(int(signature, 16), None)
    assert decision.place == place
    assert [move.rule for move in decision.moves] == [rule]


def test_the_example_shows_decisions() -> None:
    assert len(re.findall(r"^\| `[0-9a-f]{2}` \| `[01]{8}` \|", PAGE, re.MULTILINE)) == 5


def test_the_limit_of_a_signature_is_so() -> None:
    assert f"at most {MAX_ATOMS} atoms" in PAGE
