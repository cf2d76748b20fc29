"""What ``habitue explain`` tells of one user, as frozen read models. Instants are UTC milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.clock import Instant

Value = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who it is; addresses are masked unless they were asked for."""

    key: str
    addresses: Mapping[str, str]
    """By channel, those that there are."""
    locale: str | None
    timezone: str | None
    country: str | None
    first_seen_at: Instant


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """What a user said once about one channel and class of message."""

    at: Instant
    granted: bool
    source: str
    """Where it was said, such as ``import:customers.csv``."""


@dataclass(frozen=True, slots=True)
class ConsentStanding:
    """What counts of a user's words about one channel and class of message, and all of them, oldest first."""

    channel: str
    message_class: str
    granted: bool
    words: tuple[ConsentWord, ...]


@dataclass(frozen=True, slots=True)
class ProfileStep:
    """A value of the user's profile that became another; None where there is none."""

    at: Instant
    what: str
    """``email``, ``locale``, … or the attribute's name."""
    before: Value
    after: Value
    source: str
    who: str | None
    """Who did it by hand; None for programs."""


@dataclass(frozen=True, slots=True)
class FactValue:
    """One fact as it was refreshed last."""

    name: str
    type: str
    value: Value
    """As stored: money in minor units, instants in milliseconds; None where it is unknown."""
    shown: str
    """In people's form."""
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class AtomState:
    """One atom of a dimension now. ``holds`` is None where a fact that it asks for is unknown, so it does not hold."""

    text: str
    holds: bool | None
    applies: bool
    """False for the lock or grace of a place where the user does not stand: it matters to nobody there."""


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule by its name, with what its file says. ``condition`` is empty where the rule takes everyone."""

    name: str
    condition: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class SlotStanding:
    """Where the user stands in one slot: a dimension of tiers or stages, or one segment."""

    slot: str
    place: str | None
    since: Instant | None
    waiting_since: Instant | None
    """Since when a downgrade waits for its grace."""
    rule: RuleWords
    """What decides now."""
    decision: str
    """``stays``, ``held``, ``waits`` or ``moves``."""
    moves_to: str | None
    until: Instant | None
    """When the lock or grace that holds the user back ends."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the user stands in one dimension, and what the rules say now. Signature and places are the situation."""

    dimension: str
    kind: str
    places: tuple[str, ...]
    """Empty where the user is not placed yet, or is in no segment."""
    signature: str
    """Hexadecimal; bit *i* is atom *i*."""
    atoms: tuple[AtomState, ...]
    slots: tuple[SlotStanding, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """A transition, decoded with the rules that made it."""

    id: int
    at: Instant
    dimension: str
    from_place: str | None
    to_place: str | None
    cause: str
    """Why the user was looked at: ``behaviour``, ``time``, ``rules``, …; see ``engine.store.due.Cause``."""
    rule: RuleWords
    rules_version: str
    signature: str
    held: tuple[str, ...] | None
    """The atoms that held then, but for locks and graces of other places; None where the rules of then cannot be read any more."""


@dataclass(frozen=True, slots=True)
class NextLook:
    """When the user is looked at next. ``at`` is 0 where new input or new rules wait for the next tick."""

    at: Instant
    looked_at: Instant | None
    """When facts were refreshed and placements decided last."""
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentRecord:
    """One enrolment."""

    id: int
    playbook: str
    version: str
    trigger: str
    trigger_at: Instant
    entered_at: Instant
    state: str
    step: str | None
    """The step that comes next; None after the last, or where the version cannot be read."""
    due_at: Instant
    waits_for: str | None
    """The event that it waits for."""
    ended_at: Instant | None
    reason: str | None
    sentence: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an action's state."""

    at: Instant
    state: str
    reason: str
    sentence: str | None
    """What the reason means; None where nobody declares it."""
    detail: str
    """In the program's own words."""
    said: str | None
    """What the provider said, as long as it is kept."""


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action with its life so far."""

    id: int
    enrolment_id: int
    playbook: str
    step: str
    attempt: int
    kind: str
    message_class: str
    channel: str | None
    template: str | None
    template_hash: str | None
    """Of the template's files as they were sent."""
    locale: str | None
    """The locale whose template was sent."""
    address: str | None
    """As sent to, as long as that is kept; None before the hand-off."""
    subject: str | None
    """What it said, in a line."""
    coupon: str | None
    coupon_code: str | None
    state: str
    state_sentence: str
    reason: str
    sentence: str | None
    """What the reason means; None where it is an adapter's own word."""
    due_at: Instant
    expires_at: Instant
    tries: int
    adapter: str | None
    reference: str | None
    created_at: Instant
    changed_at: Instant
    history: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class PlaybookAnswer:
    """Why the user is, or is not, in one playbook."""

    playbook: str
    inside: bool
    reason: str
    sentence: str
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about one user at one instant: profile, facts, placements, history and reasons."""

    at: Instant
    content_version: str
    rules_version: str
    user: Person
    consents: tuple[ConsentStanding, ...]
    profile: tuple[ProfileStep, ...]
    """The newest changes, oldest first."""
    facts: tuple[FactValue, ...]
    dimensions: tuple[Standing, ...]
    next_look: NextLook | None
    """None where the user has no row in ``user_state`` yet: nothing has looked at them."""
    transitions: tuple[Moved, ...]
    enrolments: tuple[EnrolmentRecord, ...]
    actions: tuple[ActionRecord, ...]
    playbooks: tuple[PlaybookAnswer, ...]
