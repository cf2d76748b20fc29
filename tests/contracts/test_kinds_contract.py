"""What every kind of trigger, step and fact source owes to who writes files: whatever a key holds, a finding or none.

The files are right but for one key, which gets what somebody may write there by mistake, for every key of every form.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from engine.content.bundle import Bundle
from engine.content.document import Section
from engine.content.findings import Finding
from engine.facts.catalog import load_catalog
from engine.kinds import SHIPPED
from tests.maison import FACTS
from tests.playbooks.files import load

NONSENSE = (
    *(
        '""',
        '" "',
        '"\\u0000"',
        '"nothing like it"',
        '"30"',
        '"-3d"',
        '"99999d"',
        '"25:00"',
        '"{{ x }}"',
        "'%'",
        "''''''",
    ),
    *(
        "0",
        "-1",
        "1",
        "9" * 30,
        "1.5",
        "-0.0",
        "1e400",
        "nan",
        "true",
        "2026-02-28",
        "09:00:00",
        "1979-05-27T07:32:00Z",
    ),
    *("[]", "[[]]", '["", ""]', "[1, true]", "{}", "{ a = 1 }", '{ "" = "" }', "[{}]", '{ lifecycle = "nowhere" }'),
)
TRIGGERS = {
    "event": 'event = "order_completed"\nwhere = "amount > 10"',
    "enter": 'enter = { lifecycle = "at_risk" }\non = ["rules"]',
    "leave": 'leave = { lifecycle = "active" }',
    "when": 'when = "spend > 100"',
    "date": 'date = { fact = "birthday", offset = "-1d", at = "09:00" }',
    "schedule": 'schedule = { cron = "0 9 * * mon" }',
}
STEPS = {
    "send": 'id = "x"\nsend = ["email"]\ntemplate = "hello/mail"\nbetween = "09:00-20:00"\nwhen = "spend > 1"',
    "send_all": 'id = "x"\nsend_all = ["email", "sms"]\ntemplate = "hello/mail"\nbetween = "09:00-20:00"\nwhen = "spend > 1"',
    "wait": 'id = "x"\nwait = "2d"',
    "wait_until": 'id = "x"\nwait_until = "09:00"',
    "wait_for": 'id = "x"\nwait_for = "order_completed"\ntimeout = "10d"',
    "branch": 'id = "x"\nbranch = [{ when = "spend > 1", to = "end" }]\notherwise = "end"',
    "exit": 'id = "x"\nexit = "gave_up"\nwhen = "spend > 1"',
    "coupon": 'id = "x"\ncoupon = "GIFT"',
}
SOURCES = {
    "attribute": 'attribute = "city"\ntype = "text"\ndescription = "Where"',
    "count": 'count = "order_completed"\nwhere = "category = \'beauty\'"\nwithin = "90d"',
    "sum": 'sum = "order_completed.amount"\nwithin = "90d"',
    "average": 'average = "order_completed.amount"\nwithin = "90d"',
    "min": 'min = "order_completed.amount"',
    "max": 'max = "order_completed.amount"',
    "first": 'first = "order_completed"',
    "last": 'last = "order_completed.category"',
    "distinct": 'distinct = "order_completed.category"',
    "expr": 'expr = "spend / nullif(orders, 0)"\ntype = "money"',
    "quantile": 'quantile = "spend"\nbuckets = 5',
}
"""An example of each kind that ships, with all keys that say something."""


def with_nonsense(example: str, form: type[Section]) -> Iterator[str]:
    """Yield the example with each nonsense in each key of its form."""
    given: Mapping[str, Any] = tomllib.loads(example)
    names = {field.alias or name for name, field in form.model_fields.items()}
    assert given.keys() <= names
    lines = dict(line.split(" = ", 1) for line in example.splitlines())
    for name in sorted(names):
        for nonsense in NONSENSE:
            yield "\n".join(f"{key} = {value}" for key, value in {**lines, name: nonsense}.items())


def assert_said_well(file: str, checked: Iterable[tuple[str, list[Finding]]]) -> None:
    """Each finding has its place and words of its own, and most nonsense is found."""
    tried = list(checked)
    assert sum(bool(findings) for _, findings in tried) > len(tried) / 2
    for text, one in ((text, one) for text, findings in tried for one in findings):
        assert one.file == file, text
        assert 1 <= one.line <= text.count("\n") + 1, text
        assert len(one.message) > 10, text
        assert "Input should" not in one.message, f"not in the words of the file: {one.message}\n{text}"


def test_there_is_an_example_of_each_kind() -> None:
    assert TRIGGERS.keys() == {kind.key for kind in SHIPPED.triggers}
    assert STEPS.keys() == {kind.key for kind in SHIPPED.steps}
    assert SOURCES.keys() == {kind.name for kind in SHIPPED.fact_sources}


def playbook(trigger: str, step: str) -> str:
    return f"""[playbook]
name = "hello"
class = "marketing"
reentry = "30d"
expires = "2d"

[trigger]
{trigger}

[[step]]
{step}

[[step]]
id = "end"
exit = "over"
"""


def found_in_playbook(trigger: str, step: str) -> tuple[str, list[Finding]]:
    text = playbook(trigger, step)
    coupons = '[coupons.GIFT]\nkind = "pool"\n'
    return text, load({"hello": text, "coupons": coupons}, templates=["hello/mail"])[1]


@pytest.mark.parametrize("kind", SHIPPED.triggers, ids=lambda kind: kind.key)
def test_whatever_a_trigger_says(kind: Any) -> None:
    assert found_in_playbook(TRIGGERS[kind.key], STEPS["send"])[1] == []
    triggers = with_nonsense(TRIGGERS[kind.key], kind.form)
    assert_said_well("playbooks/hello.toml", (found_in_playbook(trigger, STEPS["send"]) for trigger in triggers))


@pytest.mark.parametrize("kind", SHIPPED.steps, ids=lambda kind: kind.key)
def test_whatever_a_step_says(kind: Any) -> None:
    assert found_in_playbook(TRIGGERS["event"], STEPS[kind.key])[1] == []
    steps = with_nonsense(STEPS[kind.key], kind.form)
    assert_said_well("playbooks/hello.toml", (found_in_playbook(TRIGGERS["event"], step) for step in steps))


def found_in_facts(fact: str) -> tuple[str, list[Finding]]:
    text = f"{FACTS}\n[facts.tried]\n{fact}\n"
    return text, load_catalog(Bundle({"rules/facts.toml": text}), 100)[1]


@pytest.mark.parametrize("kind", SHIPPED.fact_sources, ids=lambda kind: kind.name)
def test_whatever_a_fact_says(kind: Any) -> None:
    assert found_in_facts(SOURCES[kind.name])[1] == []
    assert_said_well("rules/facts.toml", map(found_in_facts, with_nonsense(SOURCES[kind.name], kind.form)))
