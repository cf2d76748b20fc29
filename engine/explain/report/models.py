"""What ``habitue report`` counts, as frozen read models. Instants are UTC milliseconds, days are those of the brand."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from engine.actions.reasons import Reasons
from engine.clock import Instant


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """The customers in one place; in a segments dimension a customer can be in several."""

    dimension: str
    place: str
    customers: int
    entered: int
    """Transitions into it, without first placements."""
    left: int


@dataclass(frozen=True, slots=True)
class CrossCount:
    """The customers in one stage and one tier."""

    stage: str
    tier: str
    customers: int


@dataclass(frozen=True, slots=True)
class TransitionCount:
    """How many transitions there were between two places for one cause; without first placements."""

    dimension: str
    origin: str
    place: str
    cause: str
    count: int


@dataclass(frozen=True, slots=True)
class ActionCount:
    """How many actions of a playbook are in one state for one reason."""

    playbook: str
    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class DowngradeCount:
    """How many customers leave a place on one day unless they qualify again: their downgrade waits for its grace."""

    dimension: str
    place: str
    until: str
    """The day, ``YYYY-MM-DD``."""
    customers: int


@dataclass(frozen=True, slots=True)
class Downgrade:
    """One customer whose downgrade waits for its grace."""

    user: str
    dimension: str
    place: str
    waiting_since: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Report:
    """What a store has, and what was done in it."""

    at: Instant
    since: Instant | None
    """From when transitions and actions are counted; None: all of them."""
    users: int
    events: int
    ticks: int
    stage: str
    """The stages dimension of ``crossed``; empty if the brand has none."""
    tier: str
    """The tiers dimension of ``crossed``; empty if the brand has none."""
    crossed: tuple[CrossCount, ...]
    places: tuple[PlaceCount, ...]
    transitions: tuple[TransitionCount, ...]
    actions: tuple[ActionCount, ...]
    downgrades: tuple[DowngradeCount, ...]
    next_downgrades: tuple[Downgrade, ...]
    """The first to come, up to a limit."""


@dataclass(frozen=True, slots=True)
class PlaybookCount:
    """How many actions of a playbook are in one state."""

    playbook: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many actions are in one state for one reason, in all playbooks."""

    state: str
    reason: str
    sentence: str | None
    count: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """How often one thing happened on one day: ``entered`` a playbook, ``moved`` to another place, or an action's state.

    An action counts on the day of its last change, in its present state.
    """

    day: str
    what: str
    count: int


def by_playbook(actions: Iterable[ActionCount]) -> tuple[PlaybookCount, ...]:
    """Return the actions by playbook and state."""
    ordered = sorted(actions, key=lambda one: (one.playbook, one.state))
    return tuple(
        PlaybookCount(playbook, state, sum(one.count for one in group))
        for (playbook, state), group in groupby(ordered, key=lambda one: (one.playbook, one.state))
    )


def by_reason(actions: Iterable[ActionCount], reasons: Reasons) -> tuple[ReasonCount, ...]:
    """Return the actions by state and reason, each with the sentence of the reason."""
    ordered = sorted(actions, key=lambda one: (one.state, one.reason))
    return tuple(
        ReasonCount(state, reason, reasons.sentence(reason), sum(one.count for one in group))
        for (state, reason), group in groupby(ordered, key=lambda one: (one.state, one.reason))
    )
