"""Asks durable_rules which rules fire in a situation, once per situation. The only importer of its C module.

The engine is used as a stateless matcher of one fact at a time, the part of it that is reliable: constant id and sid;
assert, drain, retract; every property is 0 or 1; every rule is one conjunction. It never sees the names of rules,
places or atoms.
"""

import json
import threading
from collections.abc import Container, Iterable
from typing import Protocol, cast

import durable_rules_engine

from engine.rules.decide.conjunctions import AtPlace, Derived, Fires, Head, Shard, Symbol, shards_of
from engine.rules.decide.rulebook import AllOf, AnyOf, Bit, Pattern, RuleBook

MAX_MEMORY = 200_000
"""Situations that a decider caches before it clears the cache; there are rarely more than a few hundred."""

_MATCHED, _UNMATCHED = 0, 1
_RETRACT = '{"id":"s","sid":"0"}'


class _Engine(Protocol):
    """The functions of the C module that we use, typed."""

    def create_ruleset(self, name: str, rules: str) -> int:
        """Return the handle of a new ruleset. It is never deleted, because deleting one leaks memory."""
        ...

    def assert_fact(self, handle: int, fact: str) -> tuple[int, int]:
        """Return a code (0: some rule matches, 1: none does) and a state handle."""
        ...

    def start_action_for_state(self, handle: int, state: int) -> tuple[str, str] | None:
        """Return the state and the first rule that fires, as JSON."""
        ...

    def complete_and_start_action(self, handle: int, state: int) -> str | None:
        """Return the next rule that fires, as JSON."""
        ...

    def retract_fact(self, handle: int, fact: str) -> tuple[int, int]:
        """Retract the fact."""
        ...


_ENGINE = cast("_Engine", durable_rules_engine)


class DecisionError(RuntimeError):
    """The rule engine returned an unexpected code."""


class Decider:
    """Determines which rules of one rule book fire in a situation, and caches the answers.

    Raises:
        ValueError: two rules have the same name, or a rule reads an atom or a place that the book does not declare.
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
        """Return the names of all rules that fire in this situation.

        Bit *i* of ``signature`` says whether atom *i* is true. ``place`` is where the users are: None if they are not
        placed yet, or are at a place that the book no longer has.
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
        """Return the rule with the lowest priority of those ``among`` that fire; the first in the file wins a tie."""
        fired = self.fired(signature, place)
        return next((name for name in self._order if name in fired and name in among), None)

    def _decide(self, signature: int, place: str | None) -> frozenset[str]:
        heads: set[Head] = set()
        for ruleset in self._rulesets:
            heads |= ruleset.heads([_holds(symbol, signature, place, heads) for symbol in ruleset.symbols])
        return frozenset(head.name for head in heads if isinstance(head, Fires))


class Deciders:
    """One decider per rule book for the life of the process, because rulesets are never freed."""

    def __init__(self) -> None:
        self._known: dict[RuleBook, Decider] = {}

    def of(self, book: RuleBook) -> Decider:
        """Return the decider for ``book``; equal books share one."""
        if book not in self._known:
            self._known[book] = Decider(book)
        return self._known[book]


class _Ruleset:
    """One shard, loaded into the rule engine."""

    def __init__(self, shard: Shard) -> None:
        self.symbols = shard.symbols
        self._heads = {f"r{number}": conjunction.head for number, conjunction in enumerate(shard.conjunctions)}
        self._handle = _ENGINE.create_ruleset("habitue", json.dumps(_definition(shard)))

    def heads(self, bits: Iterable[bool]) -> set[Head]:
        """Return the heads of all conjunctions that are true when symbol *i* has the value ``bits[i]``."""
        properties = "".join(f',"x{number}":{int(bit)}' for number, bit in enumerate(bits))
        code, state = _ENGINE.assert_fact(self._handle, '{"_t":1,"id":"s","sid":"0"' + properties + "}")
        if code not in {_MATCHED, _UNMATCHED}:
            raise DecisionError(f"the rule engine returned code {code} for a situation")
        try:
            return {self._heads[name] for name in self._drain(state)} if code == _MATCHED else set()
        finally:
            _ENGINE.retract_fact(self._handle, _RETRACT)

    def _drain(self, state: int) -> list[str]:
        """Return all rules that fire, in firing order."""
        started = _ENGINE.start_action_for_state(self._handle, state)
        answer = started[1] if started else None
        fired: list[str] = []
        while answer:
            fired += json.loads(answer)
            answer = _ENGINE.complete_and_start_action(self._handle, state)
        return fired


def _definition(shard: Shard) -> dict[str, object]:
    """Return the ruleset in the engine's format. Every node has one key, because the engine checks only the first."""
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
        raise ValueError(f"rule book {book.name} has two rules with the same name")
    for rule in book.rules:
        if any(not 0 <= bit < book.atom_count for bit in _bits(rule.pattern)):
            raise ValueError(f"rule {rule.name} reads an atom that its book does not have (it has {book.atom_count})")
        if rule.guard is not None and not rule.guard <= set(book.places):
            raise ValueError(f"the guard of rule {rule.name} names a place that its book does not have")
