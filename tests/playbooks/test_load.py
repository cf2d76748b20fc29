"""Loading playbooks: every mistake is found, at its line, with a remedy."""

import dataclasses
from pathlib import Path

import pytest

from engine.content.bundle import read_bundle
from engine.content.findings import Finding
from engine.playbooks.steps.branch import Branch
from engine.playbooks.steps.send import Send
from engine.playbooks.steps.wait_for import WaitFor
from engine.playbooks.triggers.date import OnDate
from engine.playbooks.triggers.enter import Enter
from engine.playbooks.triggers.event import OnEvent
from engine.playbooks.triggers.schedule import OnSchedule
from tests.playbooks.files import load, playbook

STEP = '[[step]]\nid = "mail"\nsend = ["email"]\ntemplate = "hello/mail"\n'


def errors(text: str, **others: str) -> list[Finding]:
    return load({"a": text, **others}, templates=["hello/mail"])[1]


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        (playbook(trigger='enter = { lifecycl = "at_risk" }'), "enter", "did you mean `lifecycle`"),
        (playbook(trigger='enter = { lifecycle = "atrisk" }'), "enter", "no place `atrisk`; did you mean `at_risk`"),
        (playbook(trigger='leave = { needs = "beuty" }'), "leave", "did you mean `beauty`"),
        (playbook(trigger='event = "order_complete"'), "event", "did you mean `order_completed`"),
        (playbook(trigger='event = "order_completed"\nwhere = "amont > 5"'), "where", "amont"),
        (playbook(trigger='date = { fact = "birthdy" }'), "date", "did you mean `birthday`"),
        (playbook(trigger='date = { fact = "language" }'), "date", "has type text"),
        (playbook(trigger='schedule = { cron = "0 10 * *" }'), "schedule", "five fields"),
        (playbook(trigger='schedule = { holiday = "CN: Xmas" }'), "schedule", "no holiday"),
        (playbook(trigger='when = "spend > "', reentry="9d"), "when", "missing"),
        (playbook(trigger='when = "spend > 1"', reentry="always"), "reentry", "every tick"),
        (playbook(reentry="onec"), "reentry", '`"once"`'),
        (playbook(expires="0d"), "expires", "nothing is ever sent"),
        (playbook(rest='[audience]\nwhen = "spnd > 1"'), "when", "did you mean `spend`"),
        (playbook(rest='[exit]\nevent = "order"'), 'event = "order"', "unknown event `order`"),
        (playbook(rest='[exit]\nwhen = "value = 1"'), "when", "value"),
        (playbook(steps=STEP + STEP), None, "two steps have the id"),
        (playbook(steps=STEP + '[[step]]\nwhen = "language = 1"\nexit = "x"'), "when", "but type text is needed"),
        (playbook(steps=STEP.replace("hello/mail", "hello/male")), "template", "did you mean `hello/mail`"),
        (playbook(steps=STEP + 'coupon = "GIFT"'), "coupon", "unknown coupon `GIFT`"),
        (playbook(steps=STEP.replace('["email"]', '["email", "email"]')), "send", "listed twice"),
        (playbook(steps='[[step]]\nwait_for = "nothing"\ntimeout = "1d"'), "wait_for", "unknown event `nothing`"),
        (
            playbook(steps='[[step]]\nwait_for = "review_posted"\ntimeout = "1d"\notherwise = "mial"\n' + STEP),
            "otherwise",
            "did you mean `mail`",
        ),
        (
            playbook(steps=STEP + '[[step]]\nbranch = [{ when = "spend > 1", to = "mail" }]'),
            "branch",
            "jumps only go forward",
        ),
        (playbook(steps='[[step]]\nexit = "now"\n' + STEP), '[[step]]\nid = "mail"', "can never be reached"),
        (playbook() + "\ncolour = 1", "colour", "unknown key `colour`"),
        (playbook(reentry="twice"), "reentry", "twice"),
        ("[playbook", "[playbook", "not valid TOML"),
    ],
)
def test_a_mistake_is_found_where_it_is(text: str, at: str | None, said: str) -> None:
    found = errors(text)
    assert [finding for finding in found if said in str(finding)], found
    if at is not None:
        assert {finding.line for finding in found} == {line(text, at)}
    assert {finding.file for finding in found} == {"playbooks/a.toml"}


def test_all_mistakes_are_found_at_once() -> None:
    text = playbook(trigger='event = "x1"', rest='[audience]\nwhen = "x2 = 1"', steps=STEP + 'coupon = "x3"')
    assert [word for finding in errors(text) for word in ("x1", "x2", "x3") if word in finding.message] == [
        "x1",
        "x2",
        "x3",
    ]


def test_two_playbooks_of_one_name_are_an_error() -> None:
    (found,) = errors(playbook(), b=playbook())
    assert str(found).startswith("playbooks/b.toml:2: error: playbook `hello` is declared in playbooks/a.toml too")


def test_a_mistake_in_the_coupons_is_said_once() -> None:
    found = errors(playbook(steps=STEP + 'coupon = "GIFT"'), coupons='[coupons.GIFT]\nkind = "pol"')
    assert [(finding.file, finding.line) for finding in found] == [("playbooks/coupons.toml", 2)]


def test_a_recurring_trigger_with_once_is_a_warning() -> None:
    (found,) = errors(playbook(trigger='date = { fact = "birthday" }', reentry="once"))
    assert found.severity == "warning"
    assert "nobody enters twice" in found.message


def test_a_playbook_with_mistakes_is_left_out_and_others_are_not() -> None:
    found, _ = load({"a": playbook("good"), "b": playbook("bad", 'event = "nothing"')})
    assert [one.name for one in found.playbooks] == ["good"]


def test_the_version_depends_on_the_text_and_not_on_the_path() -> None:
    one = load({"a": playbook()})[0].playbooks[0]
    moved = load({"b": playbook()})[0].playbooks[0]
    changed = load({"a": playbook() + "# a remark"})[0].playbooks[0]
    assert one.version == moved.version
    assert one.version != changed.version


def test_the_compiled_form_holds_what_the_file_says() -> None:
    steps = (
        '[[step]]\nbranch = [{ when = "spend > 1", to = "mail" }]\notherwise = "look"\n'
        + STEP
        + '[[step]]\nid = "look"\nwait_for = "review_posted"\ntimeout = "2d"\n'
    )
    one = load({"a": playbook(trigger='enter = { needs = "beauty" }', steps=steps)})[0].playbooks[0]
    assert isinstance(one.trigger, Enter)
    assert one.trigger.segment
    assert [step.id for step in one.steps] == ["step_1", "mail", "look"]
    branch, send, wait = (step.act for step in one.steps)
    assert isinstance(branch, Branch)
    assert ([target for _, target in branch.arms], branch.otherwise) == ([1], 2)
    assert send == Send(("email",), "hello/mail", None, None)
    assert wait == WaitFor("review_posted", 172_800_000, 3)


def test_made_ids_do_not_clash_with_given_ones() -> None:
    steps = '[[step]]\nwait = "1d"\n' + STEP.replace('"mail"', '"step_1"')
    one = load({"a": playbook(steps=steps)})[0].playbooks[0]
    assert len({step.id for step in one.steps}) == 2


def test_turning_points_are_those_of_time() -> None:
    rest = '[audience]\nwhen = "days_since(birthday) > 3"\n[exit]\nwhen = "days_since(last_order_at) > 5"'
    by_event = load({"a": playbook(rest=rest)})[0]
    assert len(by_event.turning_points()) == 1
    by_condition = load({"a": playbook(trigger='when = "spend > 1"', reentry="9d", rest=rest)})[0]
    assert len(by_condition.turning_points()) == 2


def test_the_default_brands_playbooks_use_every_trigger_and_are_frozen() -> None:
    root = Path(__file__).parent.parent.parent
    bundle = read_bundle(root / "rules", root / "playbooks", root / "templates")
    from engine.facts.catalog import load_catalog
    from engine.playbooks.file.load import load_playbooks
    from engine.rules.ruleset import load_rules

    catalog, _ = load_catalog(bundle, 100)
    rules, _ = load_rules(bundle, catalog)
    found, findings = load_playbooks(bundle, rules.scope, catalog, rules.places)
    assert findings == []
    assert {type(one.trigger) for one in found.playbooks} >= {Enter, OnEvent, OnDate, OnSchedule}
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.playbooks[0].name = "other"  # type: ignore[misc]
