"""Whatever a file contains, checking it ends with findings, never with a crash."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.content.bundle import Bundle, read_bundle
from engine.content.findings import Finding
from engine.loading import examine
from engine.rules.decide.decider import Deciders
from engine.settings import load_settings
from tests.check.brands import CONFIG, GOOD

ROOT = Path(__file__).parents[2]
SCRAPS = [
    *('"', "'", "=", "[", "]", "[[step]]", "{", "}", "{%", "%}", "{{", "}}", "\\", "\0", "\u2028", "\ufeff", "=\n"),
    *("[step]\n", "[[tier]]\n", "[facts]\n", 'when = ""\n', "when = 3\n", 'name = "x"\n', "step = 1\n", "case = [1]\n"),
    *("9" * 20, "-1", "1e400", "nan", "inf", "2026-02-30", "''", '""', "true", "null", "[]", "()", "(" * 60, "[" * 200),
    *("NULL", " or ", " and ", " not ", " in ()", "days_since(", "/ 0", "*", "'", "--", "/*", ";", "{% block x %}"),
]


@cache
def brand(folder: Path) -> Bundle:
    return read_bundle(folder / "rules", folder / "playbooks", folder / "templates")


@st.composite
def mutated(draw: st.DrawFn, folder: Path) -> Bundle:
    """A brand with one file changed in up to three places."""
    files = dict(brand(folder).files)
    path = draw(st.sampled_from(sorted(files)))
    text = files[path]
    for _ in range(draw(st.integers(1, 3))):
        text = draw(changed(text))
    return Bundle({**files, path: text})


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    kind = draw(st.sampled_from(["cut", "scrap", "line twice", "line away", "lines swapped", "value"]))
    start = draw(st.integers(0, len(text)))
    if kind == "cut":
        return text[:start] + text[start + draw(st.integers(1, 20)) :]
    if kind == "scrap":
        scrap = draw(st.sampled_from(SCRAPS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
        return text[:start] + scrap + text[start:]
    lines = text.split("\n")
    one, other = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
    if kind == "line twice":
        lines.insert(other, lines[one])
    elif kind == "line away":
        del lines[one]
    elif kind == "lines swapped":
        lines[one], lines[other] = lines[other], lines[one]
    else:
        key, equals, _ = lines[one].partition("=")
        lines[one] = f"{key}{equals} {draw(st.sampled_from(SCRAPS))}" if equals else lines[one]
    return "\n".join(lines)


def assert_ends_in_findings(bundle: Bundle, folder: Path) -> None:
    content, findings = examine(bundle, load_settings(folder / CONFIG), Deciders())
    assert (content is None) == any(finding.severity == "error" for finding in findings)
    assert all(_is_located(finding, bundle) for finding in findings)
    assert len(set(findings)) == len(findings)


def _is_located(finding: Finding, bundle: Bundle) -> bool:
    text = bundle.files.get(finding.file, "")
    return bool(finding.message) and 0 <= finding.line <= text.count("\n") + 1


@settings(max_examples=100)
@given(bundle=mutated(GOOD))
def test_a_changed_brand_is_checked_without_a_crash(bundle: Bundle) -> None:
    assert_ends_in_findings(bundle, GOOD)


@settings(max_examples=10)
@given(bundle=mutated(ROOT))
def test_the_default_brand_changed_is_checked_without_a_crash(bundle: Bundle) -> None:
    assert_ends_in_findings(bundle, ROOT)


@pytest.mark.soak
@settings(max_examples=3_000)
@given(bundle=mutated(GOOD))
def test_thousands_of_changed_brands(bundle: Bundle) -> None:
    assert_ends_in_findings(bundle, GOOD)


def test_the_default_brand_has_no_findings() -> None:
    content, findings = examine(brand(ROOT), load_settings(ROOT / CONFIG), Deciders())
    assert findings == []
    assert content is not None
