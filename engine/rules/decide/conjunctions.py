"""Turns a rule book into layers of conjunctions: the only form in which the rule engine is reliable.

An ``AnyOf`` inside an ``AllOf`` becomes a derived symbol that an earlier layer decides. So patterns of any depth stay
linear in size, where a disjunctive normal form would explode. Each layer is split into shards that respect the engine's
limits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.rules.decide.rulebook import AllOf, AnyOf, Bit, Pattern, Rule, RuleBook

MAX_CONJUNCTIONS = 60
"""Per shard: the engine fails when 65 rules are true at the same time."""
MAX_SYMBOLS = 100
"""Per shard and per conjunction: the engine refuses a record with 255 properties."""


@dataclass(frozen=True, slots=True)
class AtPlace:
    """The user is at ``place``."""

    place: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A symbol decided by an earlier layer."""

    number: int


@dataclass(frozen=True, slots=True)
class Fires:
    """The rule ``name`` fires."""

    name: str


Symbol = Bit | AtPlace | Derived
Head = Derived | Fires


@dataclass(frozen=True, slots=True)
class Conjunction:
    """``head`` is true if every symbol of ``body`` is; an empty body is always true."""

    head: Head
    body: tuple[Symbol, ...]
    layer: int


@dataclass(frozen=True, slots=True)
class Shard:
    """Conjunctions of one layer that fit into one ruleset, and the symbols they read."""

    conjunctions: tuple[Conjunction, ...]
    symbols: tuple[Symbol, ...]


def shards_of(book: RuleBook) -> tuple[Shard, ...]:
    """Return the shards of ``book`` in the order in which they must be decided."""
    builder = _ConjunctionBuilder()
    for rule in book.rules:
        builder.add(rule)
    layers = sorted({conjunction.layer for conjunction in builder.done})
    return tuple(shard for layer in layers for shard in _pack([c for c in builder.done if c.layer == layer]))


class _ConjunctionBuilder:
    """Collects the conjunctions of rules in ``done``."""

    def __init__(self) -> None:
        self.done: list[Conjunction] = []
        self._derived: dict[AnyOf | tuple[Symbol, ...], Derived] = {}
        self._layers: dict[Derived, int] = {}

    def add(self, rule: Rule) -> None:
        """Add the conjunctions under which ``rule`` fires."""
        guard = [] if rule.guard is None else self._guard(rule.guard)
        if guard is not None:
            for part in rule.pattern.parts if isinstance(rule.pattern, AnyOf) else (rule.pattern,):
                self._define(Fires(rule.name), part, guard)

    def _guard(self, places: frozenset[str]) -> list[Symbol] | None:
        """Return the symbols that say "at one of ``places``"; None if there are no places."""
        if len(places) < 2:
            return [AtPlace(place) for place in places] or None
        alternatives: tuple[Symbol, ...] = tuple(AtPlace(place) for place in sorted(places))
        if alternatives not in self._derived:
            derived = self._name(alternatives)
            for place in alternatives:
                self._emit(derived, [place])
        return [self._derived[alternatives]]

    def _define(self, head: Head, pattern: Pattern, also: Iterable[Symbol] = ()) -> None:
        body = self._body(pattern)
        if body is not None:
            self._emit(head, [*also, *body])

    def _body(self, pattern: Pattern) -> list[Symbol] | None:
        """Return the symbols that must all be true; None if the pattern never is."""
        match pattern:
            case Bit():
                return [pattern]
            case AllOf():
                bodies = [self._body(part) for part in pattern.parts]
                known = [body for body in bodies if body is not None]
                return [symbol for body in known for symbol in body] if len(known) == len(bodies) else None
            case AnyOf():
                return [self._any(pattern)] if pattern.parts else None

    def _any(self, pattern: AnyOf) -> Derived:
        if pattern not in self._derived:
            derived = self._name(pattern)
            for part in pattern.parts:
                self._define(derived, part)
        return self._derived[pattern]

    def _name(self, key: AnyOf | tuple[Symbol, ...]) -> Derived:
        derived = Derived(len(self._derived))
        self._derived[key] = derived
        self._layers[derived] = 0
        return derived

    def _emit(self, head: Head, symbols: Sequence[Symbol]) -> None:
        body = tuple(dict.fromkeys(symbols))
        while len(body) > MAX_SYMBOLS:
            first = body[:MAX_SYMBOLS]
            if first not in self._derived:
                self._emit(self._name(first), first)
            body = (self._derived[first], *body[MAX_SYMBOLS:])
        layer = max((self._layers[symbol] + 1 for symbol in body if isinstance(symbol, Derived)), default=0)
        if isinstance(head, Derived):
            self._layers[head] = max(self._layers[head], layer)
        self.done.append(Conjunction(head, body, layer))


def _pack(conjunctions: Sequence[Conjunction]) -> list[Shard]:
    """Pack the conjunctions of one layer, in order, into as few shards as the limits allow."""
    shards: list[Shard] = []
    taken: list[Conjunction] = []
    symbols: dict[Symbol, None] = {}
    for conjunction in conjunctions:
        together = symbols | dict.fromkeys(conjunction.body)
        if len(taken) == MAX_CONJUNCTIONS or len(together) > MAX_SYMBOLS:
            shards.append(Shard(tuple(taken), tuple(symbols)))
            taken, together = [], dict.fromkeys(conjunction.body)
        taken.append(conjunction)
        symbols = together
    return [*shards, Shard(tuple(taken), tuple(symbols))]
