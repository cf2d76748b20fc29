"""Situations decided by durable_rules, once each. The only importer of its C module.

The engine is used as a stateless matcher of one fact at a time, which is the part of it that can be trusted: constant
id and sid; assert, drain, retract; every property is 0 or 1; every rule is one conjunction. Names of rules, places and
atoms never reach it.
"""

import json
import threading
from collections.abc import Container, Iterable
from typing import Protocol, cast

import durable_rules_engine

from engine.rules.decide.conjunctions import AtPlace, Derived, Fires, Head, Shard, Symbol, shards_of
from engine.rules.decide.rulebook import AllOf, AnyOf, Bit, Pattern, RuleBook

MAX_MEMORY = 200_000
"""Decisions that a decider remembers before it starts afresh; there are seldom more than hundreds of situations."""

_MATCHED, _UNMATCHED = 0, 1
_RETRACT = '{"id":"s","sid":"0"}'


class _Engine(Protocol):
    """The few functions of the C module that are used, typed."""

    def create_ruleset(self, name: str, rules: str) -> int:
        """Return the handle of a new ruleset; it is never given back, since that leaks."""
        ...

    def assert_fact(self, handle: int, fact: str) -> tuple[int, int]:
        """Return a code (0 some rule matches, 1 none) and the handle of the state."""
        ...

    def start_action_for_state(self, handle: int, state: int) -> tuple[str, str] | None:
        """Return the state and the first rule that fires, as JSON."""
        ...

    def complete_and_start_action(self, handle: int, state: int) -> str | None:
        """Return the next rule that fires, as JSON."""
        ...

    def retract_fact(self, handle: int, fact: str) -> tuple[int, int]:
        """Take the fact back."""
        ...


_ENGINE = cast("_Engine", durable_rules_engine)


class DecisionError(RuntimeError):
    """The rule engine answered with a code that the safe pattern never yields."""


class Decider:
    """Decides the situations of one rule book and remembers every decision.

    Raises:
        ValueError: the book names a rule twice, or reads a bit or place that it does not declare.
    """

    def __init__(self, book: RuleBook) -> None:
        _check(book)
        self._rulesets = [_Ruleset(shard) for shard in shards_of(book)]
        self._read = sum(1 << bit for bit in {bit for rule in book.rules for bit in _bits(rule.pattern)})
        self._places = frozenset(book.places)
        self._order = [rule.name for rule in sorted(book.rules, key=lambda rule: rule.priority)]
        self._decided: dict[tuple[int, str | None], frozenset[str]] = {}
        self._lock = threading.Lock()

    def fired(self, signature: int, place: str | None) -> frozenset[str]:
        """Return the names of all rules that fire for users of this situation.

        Bit *i* of ``signature`` tells whether atom *i* holds; ``place`` is where the users stand, None while unplaced
        or at a place that the book no longer knows.
        """
        situation = (signature & self._read, place if place in self._places else None)
        with self._lock:
            known = self._decided.get(situation)
            if known is None:
                if len(self._decided) >= MAX_MEMORY:
                    self._decided.clear()
                known = self._decided[situation] = self._decide(*situation)
        return known

    def winner(self, signature: int, place: str | None, among: Container[str]) -> str | None:
        """Return, of the rules ``among`` that fire, the one with the lowest priority; the first written on a tie."""
        fired = self.fired(signature, place)
        return next((name for name in self._order if name in fired and name in among), None)

    def _decide(self, signature: int, place: str | None) -> frozenset[str]:
        heads: set[Head] = set()
        for ruleset in self._rulesets:
            heads |= ruleset.heads([_holds(symbol, signature, place, heads) for symbol in ruleset.symbols])
        return frozenset(head.name for head in heads if isinstance(head, Fires))


class Deciders:
    """One decider per rule book for as long as the process lives, since a ruleset is never freed."""

    def __init__(self) -> None:
        self._known: dict[RuleBook, Decider] = {}

    def of(self, book: RuleBook) -> Decider:
        """Return the decider of ``book``; books that are equal share it."""
        if book not in self._known:
            self._known[book] = Decider(book)
        return self._known[book]


class _Ruleset:
    """One shard inside the rule engine."""

    def __init__(self, shard: Shard) -> None:
        self.symbols = shard.symbols
        self._heads = {f"r{number}": conjunction.head for number, conjunction in enumerate(shard.conjunctions)}
        self._handle = _ENGINE.create_ruleset("habitue", json.dumps(_definition(shard)))

    def heads(self, bits: Iterable[bool]) -> set[Head]:
        """Return the heads of all conjunctions that hold where symbol *i* holds as ``bits[i]`` says."""
        properties = "".join(f',"x{number}":{int(bit)}' for number, bit in enumerate(bits))
        code, state = _ENGINE.assert_fact(self._handle, '{"_t":1,"id":"s","sid":"0"' + properties + "}")
        if code not in {_MATCHED, _UNMATCHED}:
            raise DecisionError(f"the rule engine refused a situation with code {code}")
        try:
            return {self._heads[name] for name in self._drain(state)} if code == _MATCHED else set()
        finally:
            _ENGINE.retract_fact(self._handle, _RETRACT)

    def _drain(self, state: int) -> list[str]:
        """Return the rules that fire, in the order in which they do, until none is left."""
        started = _ENGINE.start_action_for_state(self._handle, state)
        answer = started[1] if started else None
        fired: list[str] = []
        while answer:
            fired += json.loads(answer)
            answer = _ENGINE.complete_and_start_action(self._handle, state)
        return fired


def _definition(shard: Shard) -> dict[str, object]:
    """Return the ruleset as the engine reads it: one key in every node, or it checks the first one only."""
    number = {symbol: position for position, symbol in enumerate(shard.symbols)}
    rules: dict[str, object] = {}
    for position, conjunction in enumerate(shard.conjunctions):
        tests = [{"_t": 1}, *({f"x{number[symbol]}": 1} for symbol in conjunction.body)]
        rules[f"r{position}"] = {"all": [{"m": {"$and": tests}}], "pri": position}
    return rules


def _holds(symbol: Symbol, signature: int, place: str | None, heads: set[Head]) -> bool:
    match symbol:
        case Bit():
            return bool(signature >> symbol.index & 1)
        case AtPlace():
            return symbol.place == place
        case Derived():
            return symbol in heads


def _bits(pattern: Pattern) -> set[int]:
    """Return the atoms that ``pattern`` reads."""
    match pattern:
        case Bit():
            return {pattern.index}
        case AllOf() | AnyOf():
            return {bit for part in pattern.parts for bit in _bits(part)}


def _check(book: RuleBook) -> None:
    names = [rule.name for rule in book.rules]
    if len(set(names)) < len(names):
        raise ValueError(f"the book {book.name} has two rules of one name")
    for rule in book.rules:
        if any(not 0 <= bit < book.atom_count for bit in _bits(rule.pattern)):
            raise ValueError(f"the rule {rule.name} reads an atom beyond the {book.atom_count} of its book")
        if rule.guard is not None and not rule.guard <= set(book.places):
            raise ValueError(f"the rule {rule.name} stands guard at a place that its book does not have")
