"""Two kinds with the same name are refused before anything runs; otherwise one of them would never be found."""

import sys
from dataclasses import fields
from pathlib import Path

import pytest

from engine.errors import HabitueError
from engine.kinds import SHIPPED, Kinds, installed_kinds

SORTS = [field.name for field in fields(Kinds)]


@pytest.mark.parametrize("sort", SORTS)
def test_two_with_the_same_name_are_refused(sort: str) -> None:
    first = getattr(SHIPPED, sort)[0]
    name = getattr(first, "key", None) or first.name
    with pytest.raises(
        HabitueError, match=f"two .* have the name `{name}`: one of them comes from an installed package"
    ):
        SHIPPED + Kinds(**{sort: (first,)})


def install(folder: Path, code: str) -> None:
    """Put a package into ``folder``, as an installer would."""
    about = folder / "twice-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: twice\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[habitue.kinds]\ntwice = twice:KINDS\n", encoding="utf-8")
    (folder / "twice.py").write_text(code, encoding="utf-8")


KIND_TWICE = """
from engine.facts.sources import FACT_SOURCES
from engine.kinds import Kinds

KINDS = Kinds(fact_sources=(FACT_SOURCES[0],))
"""
REASON_TWICE = """
from engine.actions.described_enum import DescribedEnum
from engine.delivery.gates.base import PASS, Gate
from engine.kinds import Kinds


class OwnReason(DescribedEnum):
    EXPIRED = "expired", "It went off."


KINDS = Kinds(gates=(Gate("own", lambda *_: PASS, tuple(OwnReason)),))
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KIND_TWICE, f"two kinds of fact source have the name `{SHIPPED.fact_sources[0].name}`"),
        (REASON_TWICE, "the reason `expired` is declared twice: "),
    ],
)
def test_an_installed_package_that_takes_a_name_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    install(tmp_path, code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "twice", raising=False)
    with pytest.raises(HabitueError) as error:
        installed_kinds()
    assert str(error.value).startswith(said)
    assert str(error.value).endswith("one of them comes from an installed package")
