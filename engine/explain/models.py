"""What ``habitue explain`` reports about one user, as frozen read models. Instants are UTC milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.clock import Instant

Value = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Person:
    """The user; addresses are masked unless requested."""

    key: str
    addresses: Mapping[str, str]
    """By channel; only those that are known."""
    locale: str | None
    timezone: str | None
    country: str | None
    first_seen_at: Instant


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """An address of the user that gets no more messages; masked unless requested."""

    channel: str
    address: str
    reason: str
    """Such as ``address_gone``: the provider says that there is no such address any more."""
    source: str | None
    """Where it came from, such as ``by_hand`` or an adapter's name."""
    since: Instant


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device of the user; its token is masked unless requested."""

    platform: str
    token: str
    locale: str | None
    last_seen_at: Instant
    suppressed: str | None
    """Why it gets no more messages, such as ``address_gone``; None if it is not on the suppression list."""


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One change of a user's consent for one channel and message class; ``granted`` None: an earlier one was taken back."""

    at: Instant
    granted: bool | None
    source: str
    """Where it came from, such as ``import:customers.csv``."""


@dataclass(frozen=True, slots=True)
class ConsentStatus:
    """A user's consent for one channel and message class, and its changes, oldest first.

    ``granted`` None: the user has made no choice that counts, so that the brand's default does.
    """

    channel: str
    message_class: str
    granted: bool | None
    changes: tuple[ConsentChange, ...]


@dataclass(frozen=True, slots=True)
class ProfileEdit:
    """One change of a value in the user's profile; None stands for no value."""

    at: Instant
    field: str
    """``email``, ``locale``, … or the attribute's name."""
    before: Value
    after: Value
    source: str
    person: str | None
    """The person who changed it by hand; None for programs."""


@dataclass(frozen=True, slots=True)
class FactValue:
    """One fact as last refreshed."""

    name: str
    type: str
    value: Value
    """As stored: money in minor units, instants in milliseconds; None if unknown."""
    shown: str
    """Formatted for people."""
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class AtomState:
    """One atom of a dimension now. ``holds`` is None if a fact that it reads is unknown; it then counts as false."""

    text: str
    holds: bool | None
    applies: bool
    """False for the lock or grace of a place that the user is not in, where it has no effect."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule's name with its text in the file. ``condition`` is empty if the rule applies to everyone."""

    name: str
    condition: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class SlotPlacement:
    """The user's place in one slot: a dimension of tiers or stages, or one segment."""

    slot: str
    place: str | None
    since: Instant | None
    waiting_since: Instant | None
    """Since when a downgrade has been waiting for its grace to end."""
    rule: RuleText
    """The rule that decides now."""
    decision: str
    """``stays``, ``held``, ``waits`` or ``moves``."""
    moves_to: str | None
    until: Instant | None
    """When the lock or grace that keeps the user in place ends."""


@dataclass(frozen=True, slots=True)
class DimensionPlacement:
    """The user's placement in one dimension, and what the rules decide now from it and the signature."""

    dimension: str
    kind: str
    places: tuple[str, ...]
    """Empty if the user is not placed yet, or is in no segment."""
    signature: str
    """Hexadecimal; bit *i* is atom *i*."""
    atoms: tuple[AtomState, ...]
    slots: tuple[SlotPlacement, ...]


@dataclass(frozen=True, slots=True)
class PastTransition:
    """A transition, decoded with the rules that made it."""

    id: int
    at: Instant
    dimension: str
    from_place: str | None
    to_place: str | None
    cause: str
    """Why the user was evaluated: ``behaviour``, ``time``, ``rules``, …; see ``engine.store.due.Cause``."""
    rule: RuleText
    rules_version: str
    signature: str
    held: tuple[str, ...] | None
    """The atoms that held then, without locks and graces of other places; None if the rules of that time can no longer
    be read."""


@dataclass(frozen=True, slots=True)
class NextEvaluation:
    """When the user is evaluated next. ``at`` is 0 if new input or new rules are waiting for the next tick."""

    at: Instant
    evaluated_at: Instant | None
    """When facts were last refreshed and placements last decided."""
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
    """The next step; None after the last, or if the version cannot be read."""
    due_at: Instant
    waits_for: str | None
    """The event that it is waiting for."""
    ended_at: Instant | None
    reason: str | None
    sentence: str | None
    who: str | None
    """The person who cancelled it, as claimed."""
    why: str | None
    """The person's reason."""


@dataclass(frozen=True, slots=True)
class ActionChange:
    """One change of an action's state."""

    at: Instant
    state: str
    reason: str
    sentence: str | None
    """What the reason means; None if nothing declares it."""
    detail: str
    """Details from the program."""
    provider_text: str | None
    """The provider's response, as long as it is kept."""
    who: str | None = None
    """The person who caused it by hand, as claimed."""
    why: str | None = None
    """The person's reason."""


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action with its history."""

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
    """Hash of the template's files as of sending."""
    locale: str | None
    """The locale of the template that was sent."""
    address: str | None
    """The address it was sent to, as long as that is kept; None before the hand-off."""
    subject: str | None
    """The message in one line."""
    coupon: str | None
    coupon_code: str | None
    state: str
    state_sentence: str
    reason: str
    sentence: str | None
    """What the reason means; None if the reason is an adapter's own."""
    due_at: Instant
    expires_at: Instant
    tries: int
    adapter: str | None
    reference: str | None
    created_at: Instant
    changed_at: Instant
    history: tuple[ActionChange, ...]


@dataclass(frozen=True, slots=True)
class PauseNote:
    """A pause that stops something of this user: a message that waits, or a playbook that they are in."""

    subject: str
    """Such as ``playbook winback``."""
    origin: str
    """``person``; ``file``: the playbook's file pauses it; ``retired``: the playbook is retired, or its file is gone."""
    since: Instant
    who: str | None
    why: str | None
    cancel_at: Instant | None
    """If retired: when what waits is cancelled; None if it is going on again."""


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
    """Everything known about one user at one instant: profile, facts, placements, history and reasons."""

    at: Instant
    content_version: str
    rules_version: str
    user: Person
    devices: tuple[DeviceSeen, ...]
    """The one seen last comes first."""
    suppressed: tuple[SuppressedAddress, ...]
    consents: tuple[ConsentStatus, ...]
    profile: tuple[ProfileEdit, ...]
    """The newest changes, oldest first."""
    facts: tuple[FactValue, ...]
    dimensions: tuple[DimensionPlacement, ...]
    next_evaluation: NextEvaluation | None
    """None if the user has no row in ``user_state`` yet, because they have not been evaluated."""
    transitions: tuple[PastTransition, ...]
    enrolments: tuple[EnrolmentRecord, ...]
    actions: tuple[ActionRecord, ...]
    pauses: tuple[PauseNote, ...]
    playbooks: tuple[PlaybookAnswer, ...]
