"""Facts equal a plain-Python computation, at every instant, and change at no instant before ``edge_at``."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import NEVER
from tests.facts.facts_store import FactsStore
from tests.facts.reference import DAY, Happened, facts_of

NOW = 1_700_000_000_000

FACTS = """
[events.order]
amount = "money"
category = "text"
items = "integer"
[events.view]
paid = "boolean"
[events.rare]
[facts]
orders = { count = "order" }
orders_10d = { count = "order", within = "10d" }
orders_7d = { count = "order", within = "7d" }
beauty_10d = { count = "order", within = "10d", where = "category = 'beauty'" }
spend = { sum = "order.amount" }
spend_10d = { sum = "order.amount", within = "10d" }
average = { average = "order.amount" }
average_7d = { average = "order.amount", within = "7d" }
smallest = { min = "order.amount" }
largest = { max = "order.amount" }
first_at = { first = "order" }
last_at = { last = "order" }
first_category = { first = "order.category" }
last_category = { last = "order.category" }
categories = { distinct = "order.category" }
items = { sum = "order.items" }
items_average = { average = "order.items" }
views_3d = { count = "view", within = "3d" }
last_view_paid = { last = "view.paid" }
beauty_share = { expr = "beauty_10d / nullif(orders_10d, 0)" }
mostly_beauty = { expr = "beauty_share > 0.5" }
idle_days = { expr = "days_since(last_at)" }
"""

EDGES = [0, 1, -1, 3 * DAY, 7 * DAY, 7 * DAY - 1, 10 * DAY, 10 * DAY - 1, 10 * DAY + 1, 30 * DAY]
ANYTHING: st.SearchStrategy[Any] = st.sampled_from(
    [None, "beauty", "home", "bé'auty:%(x)s", 0, 3, 2.0, 2.5, 2**60, True, [], {}]
)


@st.composite
def happenings(draw: st.DrawFn) -> list[Happened]:
    before = st.one_of(st.sampled_from(EDGES), st.integers(-5 * DAY, 15 * DAY))
    return [
        Happened(
            number,
            draw(st.integers(1, 3)),
            draw(st.sampled_from(["order", "order", "order", "view", "rare"])),
            NOW - draw(before),
            draw(st.one_of(st.none(), st.integers(-10_000, 2**53))),
            draw(st.fixed_dictionaries({}, optional={"category": ANYTHING, "items": ANYTHING, "paid": ANYTHING})),
        )
        for number in range(1, draw(st.integers(0, 12)) + 1)
    ]


def expected(events: list[Happened], now: int) -> dict[int, dict[str, Any]]:
    return {user: facts_of([event for event in events if event.user == user], now) for user in (1, 2, 3, 4)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=happenings())
def test_facts_equal_a_plain_computation_and_hold_until_the_edge(store: FactsStore, events: list[Happened]) -> None:
    if not store.catalog.facts:
        store.declare(FACTS)
    store.fill((1, 2, 3, 4), events)
    store.refresh(NOW)
    assert store.facts() == expected(events, NOW)
    for user, edge in enumerate(store.column("edge_at"), 1):
        own = [event for event in events if event.user == user]
        assert edge > NOW
        before = edge - 1 if edge < NEVER else NOW + 400 * DAY
        assert facts_of(own, before) == facts_of(own, NOW)
        assert not [event for event in own if NOW < event.at < edge]
        if edge < NEVER:
            store.refresh(edge, [user])
            assert store.facts()[user] == facts_of(own, edge)


def test_the_edge_is_the_very_instant_at_which_something_changes(store: FactsStore) -> None:
    store.declare(FACTS.replace('idle_days = { expr = "days_since(last_at)" }', ""))
    orders = [Happened(1, 1, "order", NOW - 2 * DAY, 100), Happened(2, 2, "order", NOW - 8 * DAY, 100)]
    future = [Happened(3, 3, "rare", NOW + 5), Happened(4, 4, "order", NOW - 11 * DAY, 100)]
    store.fill((1, 2, 3, 4, 5), orders + future)
    store.refresh(NOW)
    assert store.column("edge_at") == [NOW + 5 * DAY, NOW + 2 * DAY, NOW + 5, NEVER, NEVER]


def test_an_edge_outside_of_where_is_none(store: FactsStore) -> None:
    store.declare(
        '[events.order]\ncategory = "text"\n[facts.beauty]\ncount = "order"\nwithin = "7d"\nwhere = "category = \'beauty\'"'
    )
    kinds = [("beauty", 1), ("home", 2)]
    store.fill((1, 2), [Happened(user, user, "order", NOW, None, {"category": kind}) for kind, user in kinds])
    store.refresh(NOW)
    assert store.column("edge_at") == [NOW + 7 * DAY, NEVER]


def test_thresholds_over_days_give_one_edge_not_one_each_day(store: FactsStore) -> None:
    store.declare('[events.order]\n[facts.last_at]\nlast = "order"\n[facts.idle]\nexpr = "days_since(last_at) > 60"')
    store.fill((1,), [Happened(1, 1, "order", NOW - DAY)])
    store.refresh(NOW)
    assert store.column("edge_at") == [NOW + 60 * DAY]
    store.refresh(NOW + 60 * DAY)
    assert store.facts() == {1: {"last_at": NOW - DAY, "idle": True}}
    assert store.column("edge_at") == [NEVER]


def test_only_due_users_have_their_facts_found(store: FactsStore) -> None:
    store.declare(FACTS)
    store.fill((1, 2), [Happened(1, 1, "order", NOW), Happened(2, 2, "order", NOW)])
    store.refresh(NOW, [2])
    assert store.column("user_id") == [2]
    assert store.column("fact_orders") == [1]


def test_a_late_event_reopens_its_windows(store: FactsStore) -> None:
    store.declare(FACTS)
    first = [Happened(1, 1, "order", NOW - DAY, 100)]
    store.fill((1,), first)
    store.refresh(NOW)
    late = [*first, Happened(2, 1, "order", NOW - 9 * DAY, 50)]
    store.fill((1,), late)
    store.refresh(NOW)
    assert store.facts() == {1: facts_of(late, NOW)}


def test_of_events_at_one_instant_the_id_decides(store: FactsStore) -> None:
    store.declare(FACTS)
    same = [Happened(number, 1, "order", NOW, 100 - number, {"category": f"c{number}"}) for number in (1, 2, 3)]
    store.fill((1,), same)
    store.refresh(NOW)
    assert (store.facts()[1]["first_category"], store.facts()[1]["last_category"]) == ("c1", "c3")


def test_money_is_exact_where_a_double_is_not(store: FactsStore) -> None:
    store.declare(FACTS)
    amounts = [2**53, 1, 2**53 - 1, 1]
    store.fill((1,), [Happened(n, 1, "order", NOW, amount) for n, amount in enumerate(amounts, 1)])
    store.refresh(NOW)
    assert store.facts()[1]["spend"] == 2**54 + 1


def test_amounts_beyond_what_is_exact_count_as_none_and_harm_nobody(store: FactsStore) -> None:
    store.declare(FACTS)
    store.fill((1, 2), [Happened(n, 1, "order", NOW, 2**63 - 1) for n in (1, 2)] + [Happened(3, 2, "order", NOW, 5)])
    store.refresh(NOW)
    assert [(facts["orders"], facts["spend"], facts["largest"]) for facts in store.facts().values()] == [
        (2, 0, None),
        (1, 5, 5),
    ]


ATTRIBUTES = """
[facts]
city = { attribute = "city", type = "text" }
points = { attribute = "points", type = "integer" }
ratio = { attribute = "ratio", type = "number" }
vip = { attribute = "vip", type = "boolean" }
birthday = { attribute = "birthday", type = "date" }
seen = { attribute = "first_seen_at", type = "instant" }
language = { attribute = "locale", type = "text" }
"""


@pytest.mark.parametrize(
    ("given_values", "wanted"),
    [
        (
            {"city": "Łódź", "points": 7, "ratio": 0.5, "vip": True, "birthday": "2000-02-29"},
            {"city": "Łódź", "points": 7, "ratio": 0.5, "vip": True, "birthday": "2000-02-29"},
        ),
        ({"points": 7.0, "ratio": 3, "vip": False}, {"points": 7, "ratio": 3.0, "vip": False}),
        ({"city": 5, "points": "7", "ratio": "x", "vip": 1, "birthday": 20000229}, {}),
        ({"city": ["a"], "points": 7.5, "ratio": True, "vip": "true", "birthday": "2001-02-29"}, {}),
        ({"city": {"a": 1}, "points": True, "ratio": None, "vip": None, "birthday": "29.02.2000"}, {}),
        ({"points": 10**30, "ratio": 10**301, "birthday": "0000-01-01"}, {}),
        ({"points": -(2**53) - 2, "birthday": "2001-04-31"}, {}),
        ({"birthday": "2001-13-01"}, {}),
        ({"birthday": "2001-01-00"}, {}),
        ({"birthday": "2001-12-31x"}, {}),
    ],
)
def test_attributes_of_another_type_are_null_and_harm_nobody(
    store: FactsStore, given_values: dict[str, Any], wanted: dict[str, Any]
) -> None:
    store.declare(ATTRIBUTES)
    store.fill((1,), [], given_values)
    store.refresh(NOW)
    nothing = dict.fromkeys(("city", "points", "ratio", "vip", "birthday"))
    assert store.facts() == {1: {**nothing, **wanted, "seen": 5, "language": "en"}}


def test_a_product_beyond_what_is_exact_is_null(store: FactsStore) -> None:
    store.declare('[facts]\np = { attribute = "p", type = "integer" }\nq = { expr = "p * p * p" }')
    store.fill((1,), [], {"p": 2**50})
    store.refresh(NOW)
    assert store.facts() == {1: {"p": 2**50, "q": None}}


def test_dates_and_instants_have_a_least_and_a_greatest(store: FactsStore) -> None:
    store.declare(
        '[events.trip]\nday = "date"\nboard = "instant"\nkm = "number"\n[facts]\n'
        'a = { min = "trip.day" }\nb = { max = "trip.day" }\nc = { max = "trip.board" }\nd = { sum = "trip.km" }'
    )
    days = ["2024-05-01", "2023-12-31", "no day"]
    store.fill(
        (1, 2), [Happened(n, 1, "trip", NOW, None, {"day": d, "board": n, "km": n / 4}) for n, d in enumerate(days, 1)]
    )
    store.refresh(NOW)
    assert store.facts() == {
        1: {"a": "2023-12-31", "b": "2024-05-01", "c": 3, "d": 1.5},
        2: {"a": None, "b": None, "c": None, "d": 0.0},
    }


def test_few_names_of_many_are_sought_with_the_same_result(store: FactsStore) -> None:
    others = "".join(f"[events.other_{number}]\n" for number in range(6))
    store.declare(f'{others}[events.order]\namount = "money"\n[facts]\nn = {{ count = "order", within = "7d" }}')
    store.fill(
        (1, 2), [Happened(1, 1, "order", NOW), Happened(2, 1, "other_1", NOW), Happened(3, 2, "other_2", NOW + 9)]
    )
    store.refresh(NOW)
    assert store.facts() == {1: {"n": 1}, 2: {"n": 0}}
    assert store.column("edge_at") == [NOW + 7 * DAY, NOW + 9]


def test_no_facts_at_all_is_fine(store: FactsStore) -> None:
    store.fill((1,), [])
    store.refresh(NOW)
    assert store.column("edge_at") == [NEVER]
