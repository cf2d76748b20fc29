"""docs/adapters/NAME.md: each provider's options, and the reasons of its answers, as the program has them."""

import re
import tomllib

import pytest

from adapters.base import Outcome
from adapters.kinds import AdapterKind, checked_options
from adapters.registry import ADAPTERS
from adapters.smtp import meanings as smtp_meanings
from engine.channels import CHANNELS
from tests.docs.tables import DOCS, mistakes, rows

KINDS = pytest.mark.parametrize("kind", ADAPTERS, ids=lambda kind: kind.name)


def page_of(kind: AdapterKind) -> str:
    return f"adapters/{kind.name}.md"


@KINDS
def test_the_page_says_what_the_options_are(kind: AdapterKind) -> None:
    table = rows(page_of(kind), "Options")
    assert list(mistakes(kind.options, table, "", f"HABITUE_ADAPTERS__{kind.name.upper()}__")) == []
    assert table.keys() == kind.options.model_fields.keys()


@KINDS
def test_the_settings_that_the_page_shows_are_good(kind: AdapterKind) -> None:
    page = (DOCS / page_of(kind)).read_text(encoding="utf-8")
    shown = tomllib.loads(re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0])
    channels = [name for name, one in shown["channels"].items() if kind.name in one["adapters"]]
    assert channels
    assert set(channels) <= {one.name for one in CHANNELS}
    assert kind.channel in {None, *channels}
    secrets = {name: "long-enough-to-be-a-secret" for name in re.findall(rf"HABITUE_ADAPTERS__{kind.name.upper()}__(\w+)", page)
               if f"# the {name.lower().replace('_', ' ')} is in" in page}  # fmt: skip
    checked_options(kind, {**shown["adapters"][kind.name], **{name.lower(): one for name, one in secrets.items()}})


@KINDS
def test_the_page_tells_of_every_reason(kind: AdapterKind) -> None:
    listed = {word for row in (DOCS / page_of(kind)).read_text("utf-8").split("\n## Answers\n")[1].splitlines()
              if row.startswith("| `") for word in re.findall(r"`([a-z0-9_]+)`", row.split("|")[1])}  # fmt: skip
    assert listed - {"address_invalid"} == {reason.value for reason in kind.reasons}  # which delivery declares


def test_every_meaning_of_an_smtp_reply_is_declared() -> None:
    declared = {reason.value for kind in ADAPTERS if kind.name == "smtp" for reason in kind.reasons}
    for meaning in vars(smtp_meanings).values():
        if isinstance(meaning, smtp_meanings.Meaning):
            assert {meaning.said(temporary=False).value, meaning.said(temporary=True).value} <= declared


def test_the_table_of_adapters_lists_them_all() -> None:
    page = (DOCS / "adapters.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[`(\w+)`\]\(adapters/\1\.md\) \|", page, re.MULTILINE) == [kind.name for kind in ADAPTERS]


def test_every_outcome_is_told_of() -> None:
    assert set(rows("adapters.md", "What a provider's answer means")) >= {outcome.value for outcome in Outcome}
