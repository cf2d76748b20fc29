"""The order in which facts can be computed, and cycles among them."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

Mentions = Mapping[str, frozenset[str]]
"""Fact -> the words in its section that could be names of other facts."""


def in_order(mentions: Mentions) -> list[str]:
    """Return the names, each after those that it needs, without names that are in a cycle or depend on one."""
    needs = _needs(mentions)
    lost = {name for cycle in cycles(mentions) for name in cycle}
    while more := {name for name in needs.keys() - lost if needs[name] & lost}:
        lost |= more
    kept = {name: wanted for name, wanted in needs.items() if name not in lost}
    # Those without needs first, so that messages about the others can suggest them.
    plain = [name for name in kept if not mentions[name]]
    return list(dict.fromkeys((*plain, *TopologicalSorter(kept).static_order())))


def cycles(mentions: Mentions) -> list[tuple[str, ...]]:
    """Return the cycles, each starting with the name that comes first in the file."""
    needs = _needs(mentions)
    found: list[tuple[str, ...]] = []
    places = list(mentions)
    while True:
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            # graphlib names each node before the one that needs it, and the first again at the end.
            cycle = tuple(reversed(error.args[1]))[:-1]
            start = cycle.index(min(cycle, key=places.index))
            found.append(cycle[start:] + cycle[:start])
            needs = {name: wanted - set(cycle) for name, wanted in needs.items() if name not in cycle}
        else:
            return found


def _needs(mentions: Mentions) -> dict[str, set[str]]:
    """Return fact -> the facts that it needs."""
    return {name: {word for word in words if word in mentions} for name, words in mentions.items()}
