"""A sweep opens where facts, placements or the conditions of playbooks differ, and nowhere else."""

from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.changes.compiled import CompiledChanges, compiled_changes
from engine.content.bundle import Bundle
from engine.loading import Content, load_content
from engine.settings import Settings
from engine.store.dialects import DIALECTS, Dialect
from engine.store.due import Cause
from engine.store.sweep import SweepDepth, SweepNeed
from tests.cost_of_change.duckdb_dialect import DUCKDB
from tests.maison import FILES
from tests.world import DECIDERS

FACTS, VALUE, LIFECYCLE, NEEDS = (f"rules/{name}.toml" for name in ("facts", "value", "lifecycle", "needs"))
WELCOME, WINBACK, BIRTHDAY = (f"playbooks/{name}.toml" for name in ("welcome", "winback", "birthday"))
SEND = '[[step]]\nsend = ["email"]\ntemplate = "welcome/hello"\n'
HEAD = '[playbook]\nname = "late"\nclass = "service"\nreentry = "90d"\nexpires = "7d"\n'
BY_EVENT, BY_STATE = HEAD + '[trigger]\nevent = "review_posted"\n', HEAD + '[trigger]\nwhen = "orders > 5"\n'
AFTER_A_MONTH = '[exit]\nwhen = "days_since(last_order_at) > 30"\n'

Edits = Mapping[str, str | None]
"""Path -> its text; None if there is no such file."""


@cache
def compiled(edits: frozenset[tuple[str, str | None]]) -> Content:
    files = {path: text for path, text in {**FILES, **dict(edits)}.items() if text is not None}
    return load_content(Bundle(files), Settings(), DECIDERS)


def changes(before: Edits, after: Edits, dialect: Dialect = DIALECTS[0]) -> CompiledChanges:
    return compiled_changes(compiled(frozenset(before.items())), compiled(frozenset(after.items())), dialect)


def edited(path: str, *replacements: tuple[str, str]) -> dict[str, str | None]:
    """Return the edit that replaces the first of each text in a file of Maison's."""
    text = FILES[path]
    assert text is not None
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return {path: text}


def added(path: str, text: str) -> dict[str, str | None]:
    return {path: f"{FILES.get(path) or ''}\n{text}"}


CASE = '[[case]]\nname = "rich"\ngiven = { spend = 900, orders = 4 }\nexpect = "high"\n'
NEUTRAL: Mapping[str, tuple[Edits, Edits]] = {
    "a case": ({}, added(VALUE, CASE)),
    "a description of a fact": ({}, edited(FACTS, ("For greetings", "The given name"))),
    "a description of a dimension": ({}, edited(VALUE, ('kind = "tiers"', 'kind = "tiers"\ndescription = "By spend"'))),
    "conditions spelled and joined otherwise": (
        {},
        edited(VALUE, ("spend >= 500 and orders >= 3", "(3 <= orders) AND NOT (spend < 500.00)")),
    ),
    "a rule's name": ({}, edited(LIFECYCLE, ('"sleeping"', '"dozing"'))),
    "the order of segments": (
        {},
        {NEEDS: '[dimension]\nname = "needs"\nkind = "segments"\n[[segment]]\nname = "vip"\nwhen = "is_vip or '
         'value = \'high\'"\nlock = "5d"\n[[segment]]\nname = "beauty"\nwhen = "beauty_orders >= 1"\n'},
    ),
    "a file's name": ({}, {VALUE: None, "rules/worth.toml": FILES[VALUE]}),
    "the order of facts": (
        {},
        edited(FACTS, ('[facts.mail]\nattribute = "email"\ntype = "text"\n', ""),
               ("[facts.spend]", '[facts.mail]\nattribute = "email"\ntype = "text"\n\n[facts.spend]')),
    ),
    "a fact that is gone": ({}, edited(FACTS, ('[facts.language]\nattribute = "language"\ntype = "text"\n', ""))),
    "a dimension that is gone": (added("rules/size.toml", FILES[VALUE].replace('"value"', '"size"')), {}),
    "a new event": ({}, added(FACTS, "[events.app_opened]\n")),
    "a property that nothing reads": ({}, edited(FACTS, ('category = "text"', 'category = "text"\nsku = "text"'))),
    "a template": ({}, added("templates/welcome/hello.email.j2", "more")),
    "steps": ({}, edited(WELCOME, ('wait = "2d"', 'wait = "3d"'))),
    "class and priority": ({}, edited(WINBACK, ('class = "marketing"', 'class = "service"\npriority = 80'))),
    "an exit by an event": ({}, edited(WINBACK, ('[exit]\nevent = "order_completed"', '[exit]\nevent = "signed_up"'))),
    "an exit that time does not change": ({}, edited(WINBACK, ("[exit]", '[exit]\nwhen = "orders > 9"'))),
    "a coupon": ({}, edited("playbooks/coupons.toml", ('"10%"', '"12%"'))),
    "an audience spelled otherwise": ({}, edited(WINBACK, ("value = 'high'", "value IN ('high')"))),
    "a playbook of what happens from now on": ({}, added("playbooks/late.toml", BY_EVENT + SEND)),
    "a playbook that is gone": (added("playbooks/late.toml", BY_STATE + SEND), {}),
}  # fmt: skip

F, P = SweepDepth.FACTS, SweepDepth.PLACES
BACK = '[[transition]]\nfrom = ["active"]\nto = "potential"\nwhen = "orders > 90"\n'
ONE_WAY = (
    "a new fact", "a new dimension", "a playbook of what is so already", "an exit by time",
    "a new playbook with an exit by time",
)  # fmt: skip
"""What is gone on the way back needs nothing."""
TIER = '[[tier]]\nname = "middle"\nwhen = "spend >= 100"\n\n[[tier]]\nname = "low"'
REAL: Mapping[str, tuple[Edits, Edits, SweepDepth, bool, str]] = {
    "a window": ({}, edited(FACTS, ('within = "365d"', 'within = "180d"')), F, True, "fact `spend` is computed"),
    "a filter": ({}, edited(FACTS, ("'beauty'", "'home'")), F, True, "fact `beauty_orders` is computed"),
    "an expression": (
        {}, edited(FACTS, ("nullif(orders, 0)", "nullif(orders, 1)")), F, True, "fact `average_order` is computed"
    ),
    "another event": ({}, edited(FACTS, ('last = "order_completed"', 'last = "review_posted"')), F, True,
                      "fact `last_order_at` is computed"),
    "another source": ({}, edited(FACTS, ('last = "order_completed"', 'first = "order_completed"')), F, True,
                       "fact `last_order_at` is computed"),
    "another attribute": ({}, edited(FACTS, ('attribute = "language"', 'attribute = "locale"')), F, True,
                          "fact `language` is computed"),
    "a type": ({}, edited(FACTS, ('attribute = "language"\ntype = "text"', 'attribute = "language"\ntype = "integer"')),
               F, True, "fact `language` is computed"),
    "the type of a property": (
        {}, edited(FACTS, ('category = "text"', 'category = "date"'), ("'beauty'", "'2026-01-01'")), F, True,
        "fact `beauty_orders` is computed",
    ),
    "a new fact": ({}, added(FACTS, '[facts.reviews]\ncount = "review_posted"\n'), F, False, "fact `reviews` is new"),
    "a score's buckets": (
        added(FACTS, '[facts.score]\nquantile = "spend"\n'),
        added(FACTS, '[facts.score]\nquantile = "spend"\nbuckets = 4\n'), F, True, "fact `score` is computed",
    ),
    "a threshold": ({}, edited(VALUE, ("spend >= 500", "spend >= 501")), P, False, "dimension `value` places"),
    "keep": ({}, edited(VALUE, ("spend >= 400", "spend >= 300")), P, False, "dimension `value` places"),
    "no keep": ({}, edited(VALUE, ('keep = "spend >= 400"\n', "")), P, False, "dimension `value` places"),
    "keep and when exchanged": (
        {}, edited(VALUE, ("spend >= 400", "spend >= 500 and orders >= 3"), ("spend >= 500 and orders >= 3", "spend >= 400")),
        P, False, "dimension `value` places",
    ),
    "and for or": ({}, edited(VALUE, ("500 and", "500 or")), P, False, "dimension `value` places"),
    "a grace": ({}, edited(VALUE, ('grace = "30d"', 'grace = "31d"')), P, False, "dimension `value` places"),
    "a lock": ({}, edited(VALUE, ('lock = "10d"', 'lock = "11d"')), P, False, "dimension `value` places"),
    "a lock of a segment": ({}, edited(NEEDS, ('lock = "5d"\n', "")), P, False, "dimension `needs` places"),
    "a new tier": ({}, edited(VALUE, ('[[tier]]\nname = "low"', TIER)), P, False, "dimension `value` places"),
    "the order of tiers": (
        edited(VALUE, ('[[tier]]\nname = "low"', TIER)),
        edited(VALUE, ('[[tier]]\nname = "low"', TIER), ('"high"', '"best"'), ('"middle"', '"high"'), ('"best"', '"middle"')),
        P, False, "dimension `value` places",
    ),
    "where a transition begins": (
        {}, edited(LIFECYCLE, ('["potential", "at_risk"]', '["potential"]')), P, False, "dimension `lifecycle` places"
    ),
    "a renamed stage": (
        {**edited(LIFECYCLE, ('to = "at_risk"', 'to = "lost"'), ('"at_risk"]', '"lost"]')),
         **edited(WINBACK, ('"at_risk"', '"lost"'))},
        {}, P, True, "dimension `lifecycle` places",
    ),
    "the first stage": (
        {}, edited(LIFECYCLE, ('initial = "potential"', 'initial = "at_risk"'), ('["potential", "at_risk"]', '["at_risk"]')), P, False, "dimension `lifecycle` places"
    ),
    "which transition comes first": (
        added(LIFECYCLE, BACK),
        edited(LIFECYCLE, ("[[transition]]\nname", f"{BACK}\n[[transition]]\nname")),
        P, False, "dimension `lifecycle` places",
    ),
    "a segment": ({}, edited(NEEDS, ("beauty_orders >= 1", "beauty_orders >= 2")), P, False, "dimension `needs` places"),
    "a new dimension": (
        {}, added("rules/size.toml", FILES[VALUE].replace('"value"', '"size"')), P, False, "dimension `size` is new"
    ),
    "an audience": ({}, edited(WINBACK, ("value = 'high'", "value = 'low'")), P, True, "playbook `winback` may enrol"),
    "no audience": ({}, edited(WINBACK, ("[audience]\nwhen = \"value = 'high'\"\n", "")), P, True,
                    "playbook `winback` may enrol"),
    "an audience of a date": (
        {}, edited(BIRTHDAY, ("[[step]]", '[audience]\nwhen = "orders > 0"\n\n[[step]]')), P, True,
        "playbook `birthday` may enrol",
    ),
    "the place that triggers": ({}, edited(WINBACK, ('"at_risk"', '"active"')), P, True, "playbook `winback` may enrol"),
    "causes": ({}, edited(WINBACK, ("}\n", '}\non = ["rules"]\n')), P, True, "playbook `winback` may enrol"),
    "an event's filter": (
        {}, edited("playbooks/thanks.toml", ('event = "order_completed"', 'event = "order_completed"\nwhere = "amount > 1"')),
        P, True, "playbook `thanks` may enrol",
    ),
    "re-entry": ({}, edited(WINBACK, ('reentry = "180d"', 'reentry = "90d"')), P, True, "playbook `winback` may enrol"),
    "how long a trigger stays open": (
        {}, edited(WINBACK, ('expires = "7d"', 'expires = "9d"')), P, True, "playbook `winback` may enrol"
    ),
    "a playbook of what is so already": (
        {}, added("playbooks/late.toml", BY_STATE + SEND), P, True, "playbook `late` may enrol"
    ),
    "a condition that triggers": (
        added("playbooks/late.toml", BY_STATE + SEND),
        added("playbooks/late.toml", BY_STATE.replace("orders > 5", "orders > 4") + SEND), P, True,
        "playbook `late` may enrol",
    ),
    "an exit by time": ({}, edited(WINBACK, ("[exit]", AFTER_A_MONTH.rstrip())), P, False,
                        "playbook `winback` has other conditions that depend on time"),
    "a new playbook with an exit by time": (
        {}, added("playbooks/late.toml", BY_EVENT + AFTER_A_MONTH + SEND), P, False, "playbook `late` has other conditions"
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", [*DIALECTS, DUCKDB], ids=str)
@pytest.mark.parametrize("case", NEUTRAL)
def test_what_decides_about_nobody_opens_none(case: str, dialect: Dialect) -> None:
    found = changes(*NEUTRAL[case], dialect)
    assert (found.need, found.reasons) == (None, ())


@pytest.mark.parametrize("dialect", [*DIALECTS, DUCKDB], ids=str)
@pytest.mark.parametrize("case", REAL)
def test_what_decides_otherwise_opens_one(case: str, dialect: Dialect) -> None:
    before, after, depth, everybody, reason = REAL[case]
    found = changes(before, after, dialect)
    assert found.need == SweepNeed(Cause.RULES, depth, everybody)
    assert any(said.startswith(reason) for said in found.reasons), found.reasons


@pytest.mark.parametrize("case", [case for case in REAL if case not in ONE_WAY])
def test_the_way_back_opens_one_too(case: str) -> None:
    before, after, depth, everybody, _ = REAL[case]
    assert changes(after, before).need == SweepNeed(Cause.RULES, depth, everybody)


def test_both_at_once_need_the_deeper_one() -> None:
    fact, place, entry = (REAL[case][1] for case in ("a new fact", "a threshold", "an audience"))
    assert changes({}, {**fact, **place}).need == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=False)
    assert changes({}, {**fact, **place, **entry}).need == SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)
    assert changes({}, {**place, **entry}).need == SweepNeed(Cause.RULES, SweepDepth.PLACES, everybody=True)


TOML = sorted(path for path in FILES if path.endswith(".toml"))
LINE = st.sampled_from(["", "   ", "# a remark", "#[facts.not_really]", '\t# when = "spend > 0"'])


@st.composite
def remarks(draw: st.DrawFn) -> dict[str, str | None]:
    """Return edits that put comments, blank lines and trailing spaces anywhere in some files."""
    edits: dict[str, str | None] = {}
    for path in draw(st.lists(st.sampled_from(TOML), min_size=1, max_size=3, unique=True)):
        text = []
        for line in str(FILES[path]).splitlines():
            text += draw(st.lists(LINE, max_size=2))
            text.append(line + draw(st.sampled_from(["", " ", "  # so"])))
        edits[path] = "\n".join(text)
    return edits


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(edits=remarks(), case=st.sampled_from(sorted(REAL)))
def test_remarks_make_no_difference(edits: dict[str, str | None], case: str) -> None:
    assert changes({}, edits).need is None
    before, after, *_ = REAL[case]
    untouched = {path: text for path, text in edits.items() if path not in {**before, **after}}
    assert changes(before, {**untouched, **after}) == changes(before, after)
