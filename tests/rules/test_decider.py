"""What durable_rules decides equals a plain reading of the rules, whatever their shape and number."""

import itertools
import random

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.decide.conjunctions import MAX_CONJUNCTIONS, MAX_SYMBOLS, shards_of
from engine.rules.decide.decider import Decider, Deciders
from engine.rules.decide.rulebook import ALWAYS, NEVER_HOLDS, AllOf, AnyOf, Bit, Pattern, Rule, RuleBook

PLACES = ("p0", "p1", "p2")
A_ROUND = 4_800
"""Situations."""
AN_ANSWER = 1_200
"""Bytes: the names of a dozen rules in a set, and its key."""


def plain(pattern: Pattern, signature: int) -> bool:
    if isinstance(pattern, Bit):
        return signature & (1 << pattern.index) != 0
    values = [plain(part, signature) for part in pattern.parts]
    return False not in values if isinstance(pattern, AllOf) else True in values


def plainly_fired(book: RuleBook, signature: int, place: str | None) -> set[str]:
    return {
        rule.name
        for rule in book.rules
        if plain(rule.pattern, signature) and (rule.guard is None or place in rule.guard)
    }


def book_of(*rules: Rule, atoms: int = 8) -> RuleBook:
    return RuleBook("book", rules, atoms, PLACES)


def patterns(atoms: int) -> st.SearchStrategy[Pattern]:
    bits = st.builds(Bit, st.integers(0, atoms - 1))
    return st.recursive(
        bits | st.sampled_from([ALWAYS, NEVER_HOLDS]),
        lambda inner: (
            st.builds(AllOf, st.lists(inner, max_size=4).map(tuple))
            | st.builds(AnyOf, st.lists(inner, max_size=4).map(tuple))
        ),
        max_leaves=14,
    )


@st.composite
def books(draw: st.DrawFn) -> RuleBook:
    count = draw(st.integers(1, 6))
    guards = st.none() | st.frozensets(st.sampled_from(PLACES))
    rules = [Rule(f"rule{i}", draw(patterns(6)), draw(guards), draw(st.integers(0, 3))) for i in range(count)]
    return RuleBook("random", tuple(rules), 6, PLACES)


@settings(max_examples=120, deadline=None)
@given(books(), st.lists(st.tuples(st.integers(0, 63), st.sampled_from([None, *PLACES])), min_size=1, max_size=12))
def test_agrees_with_a_plain_reading(book: RuleBook, situations: list[tuple[int, str | None]]) -> None:
    decider = Decider(book)
    for signature, place in situations:
        assert decider.fired(signature, place) == plainly_fired(book, signature, place)


def test_more_rules_than_a_ruleset_takes_all_true_at_once() -> None:
    book = book_of(*(Rule(f"rule{i}", Bit(i % 8), None, i) for i in range(200)))
    assert len(shards_of(book)) == 4
    decider = Decider(book)
    for signature in (0, 255, 1, 0b10101010):
        assert decider.fired(signature, None) == plainly_fired(book, signature, None)


def test_more_atoms_than_a_record_takes() -> None:
    wide = AllOf(tuple(Bit(i) for i in range(300)))
    book = book_of(
        Rule("all", wide, None, 0),
        Rule("any", AnyOf(wide.parts), frozenset(PLACES[:2]), 1),
        Rule("nested", AllOf((AnyOf(wide.parts[:150]), AnyOf(wide.parts[150:]))), None, 2),
        atoms=300,
    )
    for shard in shards_of(book):
        assert len(shard.conjunctions) <= MAX_CONJUNCTIONS
        assert len(shard.symbols) <= MAX_SYMBOLS
    decider = Decider(book)
    for signature in (0, 2**300 - 1, 2**299, 1, 2**300 - 2, 2**149 + 2**150):
        for place in (None, *PLACES):
            assert decider.fired(signature, place) == plainly_fired(book, signature, place)


def test_a_product_of_sums_stays_small() -> None:
    sums = tuple(AnyOf((AllOf((Bit(i), Bit(i + 1))), Bit(i + 2))) for i in range(0, 60, 3))
    book = book_of(Rule("product", AllOf(sums), None, 0), atoms=62)
    assert sum(len(shard.conjunctions) for shard in shards_of(book)) == 41
    decider = Decider(book)
    rng = random.Random(7)
    signatures = [0, 2**62 - 1, sum(4 << i for i in range(0, 60, 3)), *(rng.getrandbits(62) for _ in range(200))]
    for signature in signatures:
        assert decider.fired(signature, None) == plainly_fired(book, signature, None)


def test_deep_alternation() -> None:
    pattern: Pattern = Bit(0)
    for depth in range(1, 40):
        joint = AnyOf if depth % 2 else AllOf
        pattern = joint((Bit(depth % 8), pattern))
    book = book_of(Rule("deep", pattern, None, 0))
    decider = Decider(book)
    for signature in range(256):
        assert decider.fired(signature, None) == plainly_fired(book, signature, None)


def test_a_rule_without_atoms_always_fires_and_an_empty_choice_never() -> None:
    decider = Decider(book_of(Rule("always", ALWAYS, None, 1), Rule("never", NEVER_HOLDS, None, 0)))
    assert decider.fired(0, None) == {"always"}
    assert decider.winner(0, "p1", {"always", "never"}) == "always"


def test_a_book_without_rules_decides_nothing() -> None:
    decider = Decider(book_of())
    assert decider.fired(3, "p0") == frozenset()
    assert decider.winner(3, "p0", {"always"}) is None


def test_guards_hold_back_elsewhere_and_while_unplaced() -> None:
    decider = Decider(
        book_of(
            Rule("one", ALWAYS, frozenset({"p0"}), 0),
            Rule("two", ALWAYS, frozenset({"p0", "p2"}), 1),
            Rule("none", ALWAYS, frozenset(), 2),
        )
    )
    assert decider.fired(0, "p0") == {"one", "two"}
    assert decider.fired(0, "p2") == {"two"}
    assert decider.fired(0, "p1") == frozenset()
    assert decider.fired(0, None) == frozenset()
    assert decider.fired(0, "a place of last year") == frozenset()


def test_the_winner_has_the_lowest_priority_and_ties_go_to_the_first_written() -> None:
    rules = [Rule("late", ALWAYS, None, 5), Rule("first", Bit(0), None, 1), Rule("second", Bit(0), None, 1)]
    decider = Decider(book_of(*rules))
    assert decider.winner(1, None, {"late", "first", "second"}) == "first"
    assert decider.winner(0, None, {"late", "first", "second"}) == "late"
    assert decider.winner(1, None, {"late", "second"}) == "second"


def test_signatures_use_all_63_bits() -> None:
    decider = Decider(book_of(Rule("top", Bit(62), None, 0), atoms=63))
    assert decider.fired(1 << 62, None) == {"top"}
    assert decider.fired((1 << 62) - 1, None) == frozenset()


def test_bits_that_no_rule_reads_do_not_make_new_situations() -> None:
    decider = Decider(book_of(Rule("low", Bit(0), None, 0), atoms=63))
    first = decider.fired(1, None)
    assert decider.fired(1 | 1 << 40, None) is first


def test_equal_books_share_their_rulesets() -> None:
    deciders = Deciders()
    one, other = (book_of(Rule("low", Bit(0), None, 0)) for _ in range(2))
    assert deciders.of(one) is deciders.of(other)
    assert deciders.of(one) is not deciders.of(book_of(Rule("low", Bit(1), None, 0)))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ((Rule("twice", ALWAYS, None, 0), Rule("twice", ALWAYS, None, 1)), "two rules with the same name"),
        ((Rule("far", Bit(8), None, 0),), "an atom that its book does not have"),
        ((Rule("lost", ALWAYS, frozenset({"nowhere"}), 0),), "guard of rule lost"),
    ],
)
def test_a_book_that_makes_no_sense_is_refused(rules: tuple[Rule, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decider(book_of(*rules))


def test_a_situation_costs_no_more_memory_than_to_remember_its_answer() -> None:
    """What the rules engine kept of each would show in every round; what else the process does, in some."""
    rules = [Rule(f"rule{i}", AllOf((Bit(i), AnyOf((Bit(i + 1), Bit(i + 2))))), None, i) for i in range(12)]
    decider = Decider(book_of(*rules, atoms=14))
    situations = itertools.product(range(2**14), PLACES)
    process = psutil.Process()
    grown = []
    for _ in range(5):
        before = process.memory_info().rss
        for signature, place in itertools.islice(situations, A_ROUND):
            decider.fired(signature, place)
        grown.append(process.memory_info().rss - before)
    assert min(grown) < A_ROUND * AN_ANSWER, grown
