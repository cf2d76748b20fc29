"""In which order facts can be computed, and which are made of each other in a circle."""

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from engine.facts.files import FactSection

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def in_order(sections: Mapping[str, FactSection]) -> list[str]:
    """Return the names so that each stands after those it needs; those in a circle, or that need one, are left out."""
    needs = _needs(sections)
    lost = {name for cycle in cycles(sections) for name in cycle}
    while more := {name for name in needs.keys() - lost if needs[name] & lost}:
        lost |= more
    kept = {name: wanted for name, wanted in needs.items() if name not in lost}
    # Those without needs first, so that messages about the others can suggest them.
    plain = [name for name in kept if sections[name].source not in {"expr", "quantile"}]
    return list(dict.fromkeys((*plain, *TopologicalSorter(kept).static_order())))


def cycles(sections: Mapping[str, FactSection]) -> list[tuple[str, ...]]:
    """Return the circles, each beginning with the name that the file has first."""
    needs = _needs(sections)
    found: list[tuple[str, ...]] = []
    places = list(sections)
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


def _needs(sections: Mapping[str, FactSection]) -> dict[str, set[str]]:
    """Return which facts each names; texts are only scanned for words, because reading them needs the types first."""
    return {name: _words(section) & sections.keys() for name, section in sections.items()}


def _words(section: FactSection) -> set[str]:
    if section.quantile is not None:
        return {section.quantile}
    return set(_WORD.findall(_QUOTED.sub("", section.expr or "")))
