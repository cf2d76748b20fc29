"""Turns the rules that fired into decisions about placements.

The rule engine says which rules fire in a situation; their order, ``lock`` and ``grace`` turn that into a decision. A
decision depends only on the situation, so it is made once for all users who share it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.rules.decide.decider import Deciders
from engine.rules.dimension import IN, OUT, Dimension, PlacementSlot, join_places, split_places

INITIAL = "initial"
"""Named as the rule when a user enters the initial stage of a stages dimension."""
NO_RULE = "none"
"""Named as the rule when none fired: the user keeps the stage, or is out of the segment."""


@dataclass(frozen=True, slots=True)
class PlacementChange:
    """One change of placement. ``from_place`` is None on the first placement or when a segment is entered;
    ``to_place`` is None when a segment is left.
    """

    from_place: str | None
    to_place: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class SlotDecision:
    """What happens to a user in one slot."""

    place: str
    moved: bool
    waits: bool
    """A downgrade is waiting for its lock or grace to end."""
    rule: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to every user in one situation."""

    place: str
    """The new value of the placement's column."""
    slots: tuple[SlotDecision, ...]
    moves: tuple[PlacementChange, ...]
    again: bool
    """Another transition already matches: the user is due again at the next tick."""


class PlacementDecider:
    """Decides the situations of one dimension, each once."""

    def __init__(self, dimension: Dimension, deciders: Deciders) -> None:
        self.dimension = dimension
        self._deciders = {slot.name: deciders.of(slot.book) for slot in dimension.slots}
        self._decisions: dict[tuple[int, str | None], Decision] = {}

    @property
    def known(self) -> Mapping[tuple[int, str | None], Decision]:
        """The decisions made so far, by signature and place: a copy, because other threads may add to them."""
        return self._decisions.copy()

    def decide(self, signature: int, place: str | None) -> Decision:
        """Return the decision for one situation; each is made once and cached."""
        situation = (signature, place)
        if situation not in self._decisions:
            decide = {"tiers": self._tiers, "stages": self._stages, "segments": self._segments}[self.dimension.kind]
            self._decisions[situation] = decide(signature, place)
        return self._decisions[situation]

    def _fired(self, slot: PlacementSlot, signature: int, place: str | None) -> tuple[str | None, frozenset[str]]:
        """Return the winning rule that leads to a place, and all rules that fired."""
        decider = self._deciders[slot.name]
        fired = decider.fired(signature, place)
        return decider.winner(signature, place, slot.targets), fired

    def _tiers(self, signature: int, place: str | None) -> Decision:
        slot = self.dimension.slots[0]
        rule, fired = self._fired(slot, signature, place)
        if rule is None:
            raise AssertionError(f"the last tier of {self.dimension.name} takes everyone")
        target = slot.targets[rule]
        if place is not None and self._is_worse(target, place) and (holder := _holder(slot, place, fired)):
            return _one(place, SlotDecision(place, moved=False, waits=place in slot.graces, rule=holder), place)
        return _one(target, SlotDecision(target, moved=target != place, waits=False, rule=rule), place)

    def _is_worse(self, target: str, place: str) -> bool:
        rank = self.dimension.rank
        return place in rank and rank[target] > rank[place]

    def _stages(self, signature: int, place: str | None) -> Decision:
        slot = self.dimension.slots[0]
        if place not in self.dimension.rank:
            return self._first_stage(slot, signature, place)
        after, rule = self._hop(slot, signature, place)
        decision = SlotDecision(after, moved=after != place, waits=False, rule=rule)
        again = decision.moved and after not in slot.locks and self._hop(slot, signature, after)[0] != after
        return _one(after, decision, place, again=again)

    def _first_stage(self, slot: PlacementSlot, signature: int, place: str | None) -> Decision:
        """Follow the transitions from the initial stage to the last that matches, as one placement.

        A user who is new to the dimension does not get a transition for every stage of their past.
        """
        after, rule = str(self.dimension.initial), INITIAL
        seen = {after}
        while True:
            following, fired = self._hop(slot, signature, after)
            if following in seen:
                return _one(after, SlotDecision(after, moved=True, waits=False, rule=rule), place)
            seen.add(following)
            after, rule = following, fired

    def _hop(self, slot: PlacementSlot, signature: int, place: str | None) -> tuple[str, str]:
        rule, fired = self._fired(slot, signature, place)
        at = str(place)
        if rule is None:
            return at, NO_RULE
        if slot.targets[rule] != at and (holder := _holder(slot, at, fired)):
            return at, holder
        return slot.targets[rule], rule

    def _segments(self, signature: int, place: str | None) -> Decision:
        before = split_places(place)
        slots = tuple(self._segment(slot, name, signature, before) for slot, name in self._named_slots())
        after = {name for (_, name), decision in zip(self._named_slots(), slots, strict=True) if decision.place == IN}
        moves = tuple(
            PlacementChange(name if name in before else None, name if name in after else None, decision.rule)
            for (_, name), decision in zip(self._named_slots(), slots, strict=True)
            if decision.moved
        )
        gone = tuple(PlacementChange(name, None, NO_RULE) for name in sorted(before - set(self.dimension.places)))
        return Decision(join_places(after), slots, moves + gone, again=False)

    def _named_slots(self) -> list[tuple[PlacementSlot, str]]:
        return list(zip(self.dimension.slots, self.dimension.places, strict=True))

    def _segment(self, slot: PlacementSlot, name: str, signature: int, before: frozenset[str]) -> SlotDecision:
        place = IN if name in before else OUT
        rule, fired = self._fired(slot, signature, place)
        if rule is not None:
            return SlotDecision(IN, moved=place == OUT, waits=False, rule=rule)
        if place == IN and (holder := _holder(slot, IN, fired)):
            return SlotDecision(IN, moved=False, waits=IN in slot.graces, rule=holder)
        return SlotDecision(OUT, moved=place == IN, waits=False, rule=NO_RULE)


def _holder(slot: PlacementSlot, place: str, fired: frozenset[str]) -> str | None:
    """Return the lock or grace rule that keeps a user in ``place``, if one fired."""
    holding = (rule for rule in slot.book.rules if rule.name in fired and rule.name not in slot.targets)
    return next((rule.name for rule in holding if rule.guard == frozenset({place})), None)


def _one(after: str, slot: SlotDecision, before: str | None, *, again: bool = False) -> Decision:
    moves = (PlacementChange(before, after, slot.rule),) if slot.moved else ()
    return Decision(after, (slot,), moves, again)
