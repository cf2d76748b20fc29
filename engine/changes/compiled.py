"""What two compiled versions of the files decide differently, and the sweep that this needs.

Comments, descriptions, cases, templates and steps do not count: they decide about nobody who is not enrolled already.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import TypeVar

from engine.changes.entry import lets_in_others, turns_at_new_instants
from engine.changes.placement import places_alike
from engine.facts.model import Fact
from engine.facts.sources.base import SqlContext
from engine.loading import Content
from engine.store.dialects import Dialect
from engine.store.due import Cause
from engine.store.sweep import SweepDepth, SweepNeed

Part = TypeVar("Part")

EVERYTHING = SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody=True)
"""What is needed if it is not known how the version before decided."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Sorted names of facts, or of dimensions."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def present(self) -> tuple[str, ...]:
        """What is new or changed. What was removed needs no sweep."""
        return (*self.added, *self.changed)


@dataclass(frozen=True, slots=True)
class CompiledChanges:
    """How a version decides differently from the one before it."""

    facts: Differences
    """Changed: computed differently."""
    dimensions: Differences
    """Changed: places somebody differently, or at other instants."""
    entries: tuple[str, ...]
    """Playbooks that may enrol users whom the version before would not have."""
    exits: tuple[str, ...]
    """Playbooks with conditions that time alone changes at instants at which nobody was due before."""

    @property
    def need(self) -> SweepNeed | None:
        """Return the sweep that is needed; None if nobody has to be evaluated again.

        Any playbook's condition may read a changed fact, so then triggers are asked about everybody, too. What reads a
        new fact is new itself.
        """
        everybody = bool(self.entries or self.facts.changed)
        if self.facts.present:
            return SweepNeed(Cause.RULES, SweepDepth.FACTS, everybody)
        if self.dimensions.present or self.entries or self.exits:
            return SweepNeed(Cause.RULES, SweepDepth.PLACES, everybody)
        return None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why a sweep is needed, in words; empty if none is."""
        return (
            *(f"fact `{name}` is new" for name in self.facts.added),
            *(f"fact `{name}` is computed differently" for name in self.facts.changed),
            *(f"dimension `{name}` is new" for name in self.dimensions.added),
            *(f"dimension `{name}` places users differently" for name in self.dimensions.changed),
            *(f"playbook `{name}` may enrol others than before" for name in self.entries),
            *(f"playbook `{name}` has other conditions that depend on time" for name in self.exits),
        )


def compiled_changes(
    before: Content, after: Content, dialect: Dialect, applied: Container[str] = ()
) -> CompiledChanges:
    """Compare two versions as they run on ``dialect``; ``applied`` are the playbooks that any version has ever had."""
    known = {(one.name, one.version) for one in before.playbooks.playbooks}
    edited = [one for one in after.playbooks.open if (one.name, one.version) not in known]
    entries = tuple(
        one.name
        for one in edited
        if lets_in_others(before.playbooks.named(one.name), one, dialect, returns=one.name in applied)
    )
    turning = tuple(one.name for one in edited if turns_at_new_instants(before.playbooks, one, dialect))
    return CompiledChanges(
        facts=_differences(before.catalog.facts, after.catalog.facts, lambda a, b: _computed_alike(a, b, dialect)),
        dimensions=_differences(
            {one.name: one for one in before.rules.dimensions},
            {one.name: one for one in after.rules.dimensions},
            lambda a, b: places_alike(a, b, dialect),
        ),
        entries=entries,
        exits=tuple(name for name in turning if name not in entries),
    )


def _computed_alike(one: Fact, other: Fact, dialect: Dialect) -> bool:
    """Tell whether two facts have the same values.

    Sources are compared by value and by their SQL: either alone would not do for a kind from outside the program that
    forgets to be a dataclass, or whose binds depend on fields that its SQL does not show.
    """
    context = SqlContext(dialect)
    return (one.kind.name, one.source, one.source.sql(context)) == (
        other.kind.name,
        other.source,
        other.source.sql(context),
    )


def _differences(
    before: Mapping[str, Part], after: Mapping[str, Part], alike: Callable[[Part, Part], bool]
) -> Differences:
    both = sorted(before.keys() & after.keys())
    return Differences(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(name for name in both if not alike(before[name], after[name])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )
