"""The default brand's files are consistent: all parse, every place has cases and is used, no reference is broken."""

from datetime import timedelta

import holidays
import pytest

from engine.channels import CHANNELS
from engine.facts.sources import FACT_SOURCES
from engine.playbooks.steps.send import SendSection
from engine.playbooks.steps.send_all import SendAllSection
from engine.playbooks.triggers.date import DateSection
from engine.playbooks.triggers.enter import EnterSection
from engine.playbooks.triggers.event import EventSection
from engine.playbooks.triggers.leave import LeaveSection
from engine.playbooks.triggers.schedule import ScheduleSection
from tests.brand import brand

STAFF = {"task", "webhook"}
"""Channels that reach the brand's people and systems, and no customer."""
DEMANDED = {
    "value": ("high", "mid", "low"),
    "activity": ("high", "mid", "low"),
    "contribution": ("high", "mid", "low"),
    "lifecycle": ("potential", "new", "active", "loyal", "at_risk", "churned", "regained"),
    "needs": ("basic", "advanced", "personalised"),
}


def expected_places(dimension: str) -> set[str]:
    expectations = [case.expect for case in brand.dimensions()[dimension].case]
    return {place for expect in expectations for place in ([expect] if isinstance(expect, str) else expect)}


def test_has_the_dimensions_and_places_that_are_demanded() -> None:
    assert {name: brand.places(name) for name in brand.dimensions()} == DEMANDED


@pytest.mark.parametrize("dimension", DEMANDED)
def test_every_place_has_a_case(dimension: str) -> None:
    assert set(brand.places(dimension)) == expected_places(dimension)


def test_cases_name_declared_facts_and_places_only() -> None:
    names = set(brand.facts().facts)
    for name, file in brand.dimensions().items():
        for case in file.case:
            before = [case.place] if isinstance(case.place, str) else case.place or []
            assert set(case.given) <= names, case.name
            assert set(before) <= set(brand.places(name)), case.name


def test_names_of_cases_are_unique_within_a_dimension() -> None:
    for file in brand.dimensions().values():
        names = [case.name for case in file.case]
        assert len(set(names)) == len(names)


def test_every_stage_can_be_reached_and_left() -> None:
    file = brand.dimensions()["lifecycle"]
    left = {stage for arrow in file.transition for stage in arrow.from_}
    reached = {arrow.to for arrow in file.transition} | {file.dimension.initial}
    assert left == reached == set(brand.places("lifecycle"))


def test_facts_read_declared_events_only() -> None:
    events = brand.facts().events
    for name, fact in brand.facts().facts.items():
        assert fact.source.events <= events.keys(), name


def test_every_kind_of_fact_is_shown() -> None:
    assert {fact.kind for fact in brand.facts().facts.values()} == {*FACT_SOURCES}


def test_playbooks_are_named_as_their_files_and_all_demanded_ones_are_there() -> None:
    paths = {path for path in brand.bundle().under("playbooks") if path != brand.COUPONS}
    assert paths == {f"playbooks/{name}.toml" for name in brand.playbooks()}
    demanded = {"onboarding", "first_order", "vip_perks", "birthday", "anniversary", "new_year", "lunar_new_year"}
    assert demanded | {"order_followup", "at_risk", "winback"} <= set(brand.playbooks())


def test_triggers_name_what_there_is() -> None:
    for name, file in brand.playbooks().items():
        match file.trigger:
            case EnterSection(enter=places) | LeaveSection(leave=places):
                assert all(place in brand.places(dimension) for dimension, place in places.items()), name
            case EventSection(event=event):
                assert event in brand.facts().events, name
            case DateSection(date=rule):
                assert brand.facts().facts[rule.fact].type == "date", name
        if file.exit and file.exit.event:
            assert file.exit.event in brand.facts().events, name


def test_coupons_are_declared_and_used() -> None:
    used = {coupon for file in brand.playbooks().values() for coupon in brand.coupons_of(file)}
    assert used == set(brand.coupons().coupons)


def test_onboarding_sells_nothing_and_marketing_carries_the_offers() -> None:
    for name, file in brand.playbooks().items():
        if brand.coupons_of(file):
            assert file.playbook.message_class == "marketing", name
    assert brand.playbooks()["onboarding"].playbook.message_class == "service"


def test_all_channels_are_used_and_what_is_urgent_falls_back() -> None:
    sent = {
        (name, step.template): brand.channels_of(step)
        for name, file in brand.playbooks().items()
        for step in file.steps
        if isinstance(step, (SendSection, SendAllSection))
    }
    assert {channel for channels in sent.values() for channel in channels} == {one.name for one in CHANNELS}
    for urgent in (("birthday", "wish"), ("winback", "last_call"), ("first_order", "reminder")):
        assert sent[urgent[0], "/".join(urgent)] == ["push", "sms", "email"]


def test_every_message_is_sent_at_a_decent_hour() -> None:
    for name, file in brand.playbooks().items():
        for step in file.steps:
            if isinstance(step, (SendSection, SendAllSection)) and not STAFF.issuperset(brand.channels_of(step)):
                assert step.between is not None, name
                assert step.between.start.minutes >= 8 * 60, name
                assert step.between.end.minutes <= 21 * 60, name


def test_the_lunar_new_year_is_kept_on_its_eve_and_once_a_year() -> None:
    playbook = brand.playbooks()["lunar_new_year"]
    assert isinstance(playbook.trigger, ScheduleSection)
    assert playbook.trigger.schedule.holiday is not None
    country, name = playbook.trigger.schedule.holiday.split(": ")
    for year in range(2026, 2032):
        calendar = holidays.country_holidays(country, years=[year], language="en_US")
        eves = [day for day, known in calendar.items() if name in known]
        new_year = min(day for day, known in calendar.items() if known.startswith("Chinese New Year (Spring Festival)"))
        assert min(eves) == new_year - timedelta(days=1), year
        # Where a substitute for the eve follows within the same days, re-entry keeps it to one card.
        assert isinstance(playbook.playbook.reentry, int)
        assert (max(eves) - min(eves)) < timedelta(milliseconds=playbook.playbook.reentry)
