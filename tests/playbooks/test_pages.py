"""The page about playbooks: its examples are valid, and it documents every key."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from engine.content.bundle import Bundle, read_bundle
from engine.facts.catalog import load_catalog
from engine.incentives.form import CouponSection
from engine.kinds import SHIPPED
from engine.playbooks.file.head import PlaybookSection
from engine.playbooks.file.load import load_playbooks
from engine.playbooks.file.reading import AudienceSection, ExitSection
from engine.playbooks.steps import STEPS
from engine.playbooks.steps.branch import ArmSection
from engine.playbooks.triggers import TRIGGERS
from engine.playbooks.triggers.date import DateRule
from engine.playbooks.triggers.schedule import ScheduleRule
from engine.rules.ruleset import load_rules

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HEAD = '[playbook]\nname = "example"\nclass = "service"\nreentry = "30d"\nexpires = "7d"\n'
TRIGGER = '[trigger]\nevent = "order_completed"\n'
STEP = '[[step]]\nexit = "done"\n'


def whole(example: str) -> str:
    """Make a file of a part of one."""
    parts = (("[playbook]", HEAD), ("[trigger]", TRIGGER), ("[[step]]", STEP))
    return example + "".join(f"\n{part}" for section, part in parts if section not in example)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_good(number: int) -> None:
    brand = read_bundle(ROOT / "rules", ROOT / "playbooks", ROOT / "templates")
    example = EXAMPLES[number]
    coupons = brand.files["playbooks/coupons.toml"]
    mine = {"playbooks/coupons.toml": example} if "[coupons." in example else {"playbooks/x.toml": whole(example)}
    bundle = Bundle({**brand.under("rules"), "playbooks/coupons.toml": coupons, **mine})
    catalog, _ = load_catalog(bundle, 100)
    rules, _ = load_rules(bundle, catalog)
    templates = {path.split(".")[0].removeprefix("templates/") for path in brand.under("templates")}
    found, findings = load_playbooks(bundle, rules.scope, catalog, rules.places, templates)
    assert findings == []
    assert len(found.playbooks) == (0 if "[coupons." in example else 1)


def test_there_are_examples_of_every_trigger() -> None:
    for trigger in TRIGGERS:
        assert any(re.search(rf"\[trigger\]\n{trigger.key} ", example) for example in EXAMPLES)


@pytest.mark.parametrize(
    "section",
    [
        PlaybookSection,
        AudienceSection,
        ExitSection,
        *(kind.form for kind in TRIGGERS),
        DateRule,
        ScheduleRule,
        *(kind.form for kind in STEPS),
        ArmSection,
        CouponSection,
    ],
)
def test_every_key_is_explained(section: type[BaseModel]) -> None:
    for name, field in section.model_fields.items():
        assert f"`{field.alias or name}`" in PAGE


def test_reasons_that_the_page_names_exist() -> None:
    for word in ("coupon_pool_empty", "enrolment_exited", "version_unreadable"):
        assert f"`{word}`" in PAGE
        assert SHIPPED.reasons.sentence(word)
