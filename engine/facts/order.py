"""In which order facts can be computed, and which are made of each other."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

Mentions = Mapping[str, frozenset[str]]
"""Fact -> the words in it that could be names of others."""


def in_order(mentions: Mentions) -> list[str]:
    """Return the names, each after those it needs; names in a circle, or that need one in a circle, are left out."""
    needs = _needs(mentions)
    lost = {name for cycle in cycles(mentions) for name in cycle}
    while more := {name for name in needs.keys() - lost if needs[name] & lost}:
        lost |= more
    kept = {name: wanted for name, wanted in needs.items() if name not in lost}
    # Those without needs first, so that messages about the others can suggest them.
    plain = [name for name in kept if not mentions[name]]
    return list(dict.fromkeys((*plain, *TopologicalSorter(kept).static_order())))


def cycles(mentions: Mentions) -> list[tuple[str, ...]]:
    """Return the circles, each beginning with the name that the file has first."""
    needs = _needs(mentions)
    found: list[tuple[str, ...]] = []
    places = list(mentions)
    while True:
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            # graphlib names each node before the one that needs it, and the first again at the end.
            circle = tuple(reversed(error.args[1]))[:-1]
            start = circle.index(min(circle, key=places.index))
            found.append(circle[start:] + circle[:start])
            needs = {name: wanted - set(circle) for name, wanted in needs.items() if name not in circle}
        else:
            return found


def _needs(mentions: Mentions) -> dict[str, set[str]]:
    """Return which facts each needs."""
    return {name: {word for word in words if word in mentions} for name, words in mentions.items()}
