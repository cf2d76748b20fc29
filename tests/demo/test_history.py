"""The generated brand: the same from the same seed, of any size, and like a shop in its distributions."""

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from engine.clock import DAY, Instant, instant, to_datetime
from engine.demo.countries import COUNTRIES
from engine.demo.history import CustomerHistory, generate
from engine.demo.people import CATEGORIES, make_customer, user_row
from engine.demo.phones import NUMBERS, number_of
from engine.demo.seasons import Demand, demand
from engine.demo.spec import HISTORY_DAYS, DemoSpec
from engine.intake.rows.model import EventRow
from engine.store.devices import PLATFORMS
from tests.brand import brand

END = instant(datetime(2026, 6, 1, tzinfo=UTC))
SIZE = 3_000


@cache
def lives() -> tuple[CustomerHistory, ...]:
    return tuple(generate(DemoSpec.ending(END, SIZE)))


@cache
def events() -> tuple[EventRow, ...]:
    return tuple(event for life in lives() for event in life.events)


def orders(life: CustomerHistory) -> list[EventRow]:
    return [event for event in life.events if event.name == "order_completed"]


def buyers() -> list[CustomerHistory]:
    return [life for life in lives() if orders(life)]


def test_the_same_seed_tells_the_same_story() -> None:
    spec = DemoSpec.ending(END, 50, seed=3)
    assert list(generate(spec)) == list(generate(spec))
    assert list(generate(spec)) != list(generate(DemoSpec.ending(END, 50, seed=4)))


def test_customers_do_not_depend_on_how_many_there_are() -> None:
    few = list(generate(DemoSpec.ending(END, 20)))
    assert few == list(lives()[: len(few)])


@pytest.mark.parametrize("days", [1, 30])
def test_a_later_end_only_goes_on(days: int) -> None:
    spec = DemoSpec.ending(END, 600)
    longer = {life.user.key: life for life in generate(DemoSpec(600, spec.seed, spec.start, Instant(END + days * DAY)))}
    for life in generate(spec):
        on = longer[life.user.key]
        assert on.user == life.user
        assert [device.token for device in on.devices] == [device.token for device in life.devices]
        assert all(b.seen_at >= a.seen_at for a, b in zip(life.devices, on.devices, strict=True))  # type: ignore[operator]
        assert tuple(event for event in on.events if event.at <= END) == life.events


def test_what_is_told_is_before_the_end_in_order_and_after_joining() -> None:
    for life in lives():
        assert life.events[0].name == "registered"
        assert life.events[0].at == life.user.created_at
        assert all(before.at <= after.at for before, after in pairwise(life.events))
        assert life.events[-1].at <= END


def test_keys_are_unique() -> None:
    assert len({life.user.key for life in lives()}) == len(lives())
    assert len({event.key for event in events()}) == len(events())


def test_sizes_are_what_was_asked_for() -> None:
    # Some who join on the very last day do so after its end.
    assert SIZE * 0.995 <= len(lives()) <= SIZE
    assert 8 <= len(events()) / len(lives()) <= 40


def test_events_and_properties_are_the_declared_ones() -> None:
    declared = brand.facts().events
    assert {event.name for event in events()} == set(declared)
    for event in events():
        given = set(json.loads(event.properties)) if event.properties else set()
        given |= {"amount"} if event.amount is not None else set()
        assert given <= set(declared[event.name]), event.name


def test_attributes_are_the_ones_that_facts_read() -> None:
    read = {*brand.facts().declared().attributes, "preferred_channel"}  # which playbooks read
    assert {name for life in lives() for name in life.user.attributes} <= read


def test_about_a_third_of_buyers_bought_once_and_a_few_very_often() -> None:
    counts = Counter(len(orders(life)) for life in buyers())
    assert 0.5 <= len(buyers()) / len(lives()) <= 0.8
    assert 0.25 <= counts[1] / len(buyers()) <= 0.5
    assert 0.02 <= sum(count for number, count in counts.items() if number >= 12) / len(buyers()) <= 0.2


def test_many_drop_out_and_some_come_back() -> None:
    silent = [life for life in buyers() if END - orders(life)[-1].at > 180 * DAY]
    assert 0.2 <= len(silent) / len(buyers()) <= 0.6
    back = [life for life in buyers() if any(b.at - a.at > 180 * DAY for a, b in pairwise(orders(life)))]
    assert 0.01 <= len(back) / len(buyers()) <= 0.2


def test_baskets_are_skewed_and_exact() -> None:
    amounts = sorted(event.amount or 0 for event in events() if event.name == "order_completed")
    mean, median = sum(amounts) / len(amounts), amounts[len(amounts) // 2]
    assert 40_00 <= mean <= 90_00
    assert mean > 1.08 * median
    assert {amount % 100 for amount in amounts} == {0, 50, 90}
    assert amounts[0] > 0


def test_november_and_december_sell_twice_as_much_as_summer() -> None:
    old = [life for life in buyers() if life.events[0].at < END - 400 * DAY]
    months = Counter(
        to_datetime(event.at).month for life in old for event in orders(life)[1:] if event.at > END - 365 * DAY
    )
    assert months[11] + months[12] > 1.5 * (months[7] + months[8])


def test_customers_grow_in_number() -> None:
    halves = Counter((life.user.created_at or 0) < END - HISTORY_DAYS // 2 * DAY for life in lives())
    assert 1.4 <= halves[False] / halves[True] <= 2.2


def test_countries_languages_and_zones() -> None:
    assert sum(country.weight for country in COUNTRIES) == pytest.approx(1)
    shares = Counter(life.user.country for life in lives())
    for country in COUNTRIES:
        assert shares[country.code] / len(lives()) == pytest.approx(country.weight, abs=0.03)
        assert sum(city.weight for city in country.cities) == pytest.approx(1)
        for city in country.cities:
            winter = datetime(2026, 1, 15, tzinfo=ZoneInfo(city.zone)) - datetime(
                2026, 7, 15, tzinfo=ZoneInfo(city.zone)
            )
            assert winter  # the zone is known
    assert any(life.user.locale is None for life in lives())
    assert any(life.user.timezone is None for life in lives())


def test_people_are_about_by_day() -> None:
    zones = {city.name: ZoneInfo(city.zone) for country in COUNTRIES for city in country.cities}
    hours = Counter(
        to_datetime(event.at).astimezone(zones[str(life.user.attributes["city"])]).hour
        for life in lives()
        for event in life.events
        if event.name == "page_viewed"
    )
    assert sum(hours[hour] for hour in range(2, 5)) < 0.1 * sum(hours[hour] for hour in range(18, 22))


def test_birthdays_are_of_adults_and_leap_days_are_among_them() -> None:
    spec = DemoSpec.ending(END, 12_000, seed=1)
    sources = (Random(f"people/{index}") for index in range(spec.users))
    people = [user_row(make_customer(spec, index, rng), rng) for index, rng in enumerate(sources)]
    birthdays = [str(user.attributes["birthday"]) for user in people if "birthday" in user.attributes]
    assert 0.75 <= len(birthdays) / 12_000 <= 0.9
    assert all(date(1940, 1, 1) < date.fromisoformat(day) < date(2008, 6, 1) for day in birthdays)
    assert 1 <= sum(day.endswith("-02-29") for day in birthdays) <= 25


def test_addresses_are_nobodys_and_some_have_none() -> None:
    addresses = [life.user.email for life in lives() if life.user.email]
    assert all(address.isascii() and address.split("@")[1] in ("example.com", "example.org") for address in addresses)
    assert len(set(addresses)) == len(addresses)
    assert 0.01 <= 1 - len(addresses) / len(lives()) <= 0.06


RESERVED = {
    "US": r"\+1\d{3}55501\d\d",
    "GB": r"\+44(7700900|1632960|2079460|1134960|1414960)\d{3}",
    "DE": r"\+49(3023125|6990009|4066969|2214710|8999998)\d{3}",
    "FR": r"\+3363998\d{4}",
}
"""What regulators keep free for films."""


def test_phone_numbers_are_nobodys() -> None:
    for life in generate(DemoSpec.ending(END, 6_000)):
        if (phone := life.user.phone) is None:
            continue
        country = str(life.user.country)
        if country in RESERVED:
            assert re.fullmatch(RESERVED[country], phone)
        else:
            number = phonenumbers.parse(phone)
            assert phonenumbers.region_code_for_country_code(number.country_code or 0) == country
            assert phonenumbers.is_possible_number(number)
            assert not phonenumbers.is_valid_number(number), "it may be somebody's"


def test_everybody_has_a_number_of_their_own_as_long_as_there_are_any() -> None:
    phones = [number_of(country, index) for country in NUMBERS for index in range(6_000)]
    there = [phone for phone in phones if phone is not None]
    assert len(set(there)) == len(there)
    assert len(there) >= 5_000 * len(NUMBERS)
    assert number_of("US", 5_000) is number_of("NZ", 0) is None
    shares = Counter((life.user.country in NUMBERS, life.user.phone is not None) for life in lives())
    assert shares[False, True] == 0
    assert 0.6 <= shares[True, True] / (shares[True, True] + shares[True, False]) <= 0.75


def test_some_have_the_app_on_one_device_or_two() -> None:
    with_devices = [life for life in lives() if life.devices]
    assert 0.3 <= len(with_devices) / len(lives()) <= 0.65
    assert 0.1 <= sum(len(life.devices) == 2 for life in with_devices) / len(with_devices) <= 0.4
    assert {device.platform for life in with_devices for device in life.devices} == set(PLATFORMS)
    tokens = [device.token for life in with_devices for device in life.devices]
    assert len(set(tokens)) == len(tokens)
    for life in with_devices:
        seen = [device.seen_at or 0 for device in life.devices]
        assert life.events[0].at <= min(seen) <= max(seen) == seen[0] == life.events[-1].at


def test_some_said_no() -> None:
    said = Counter(life.user.consents.get("email") for life in lives())
    assert 0.08 <= said[False] / len(lives()) <= 0.16
    assert said[True] > said[None] > 0
    for channel in ("sms", "push"):
        said = Counter(life.user.consents.get(channel) for life in lives())
        assert said[True] > said[False] > 30
    preferring = Counter(life.user.attributes.get("preferred_channel") for life in lives())
    assert preferring["sms"] > 10 < preferring["email"]


def test_every_place_of_the_brand_has_somebody() -> None:
    """A plain reading of some thresholds: the demo shows each tier and stage, none of them a rarity."""
    year = [[order for order in orders(life) if order.at > END - 365 * DAY] for life in lives()]
    high = sum(sum(order.amount or 0 for order in some) >= 600_00 and len(some) >= 4 for some in year)
    assert 0.015 <= high / len(lives()) <= 0.12
    quiet = [(END - orders(life)[-1].at) // DAY for life in buyers()]
    assert 0.04 <= sum(90 < days <= 180 for days in quiet) / len(lives()) <= 0.25
    referrals = sum(sum(event.name == "referral_made" for event in life.events) >= 2 for life in lives())
    assert referrals >= 10


def test_demand_is_one_on_an_ordinary_day_and_adds_up() -> None:
    levels = [demand("west", date.fromordinal(date(2025, 1, 1).toordinal() + offset)) for offset in range(365)]
    assert 0.9 <= sum(levels) / 365 <= 1.25
    total = Demand("china", END, 3)
    assert total.day_at(0.0) == 0
    assert total.day_at(total.at(1)) == 1
    assert total.day_at(total.at(3)) is None
    assert demand("china", date(2026, 11, 11)) > 2 * demand("west", date(2026, 11, 11))


def test_departments_are_liked_differently() -> None:
    shares = Counter(json.loads(event.properties or "{}").get("category") for event in events() if event.amount)
    assert set(shares) == set(CATEGORIES)
    assert shares["skincare"] > 2 * shares["men"]
