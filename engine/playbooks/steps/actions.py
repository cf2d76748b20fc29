"""The actions that steps create: one per enrolment, queued, done, or held for a coupon code."""

from dataclasses import asdict, dataclass, replace

from engine.actions.described_enum import DescribedEnum
from engine.actions.ledger import ActionDraft, InitialState, create
from engine.actions.states import State
from engine.content.value_types import ValueType
from engine.facts.values import JsonValue
from engine.incentives.reasons import CouponReason
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.reasons import PlaybookReason
from engine.store.dialects import Dialect
from engine.store.statement import quoted

PREFERRED_CHANNEL = "preferred_channel"
"""The attribute of a user that names the channel to try first, among those of a `send` step."""


@dataclass(frozen=True, slots=True)
class NewAction:
    """What the actions of one step have in common."""

    kind: str
    """``message`` or ``coupon``."""
    channel: str | None = None
    next_channels: str = ""
    """Comma-separated."""
    template: str | None = None
    send_window: str | None = None
    coupon: str | None = None
    attempt: int = 1


def add_actions(here: EnrolmentsAtStep, action: NewAction, state: State, reason: DescribedEnum) -> int:
    """Add an action for each enrolment here, in ``state`` for ``reason``; return how many.

    An action that needs a coupon code is held if the enrolment has none. If the user prefers one of the next channels, it is
    tried first.
    """
    if action.coupon is not None:
        claim_codes(here, action.coupon)
    head, now = here.due.head, here.due.now
    draft = ActionDraft(
        playbook=head.name,
        version=head.version,
        step_id=here.id,
        message_class=head.message_class,
        priority=head.priority,
        expires_at=now + head.expires,
        **asdict(action),
    )
    begins = _supplied(action.coupon, state, f"'{reason}'")
    if action.next_channels:
        begins = _preferred(here.due.dialect, action, begins, reason)
    return create(here.due.connection, draft, begins, here.rows, now=now, binds=here.binds())


def claim_codes(here: EnrolmentsAtStep, coupon: str) -> None:
    """Give a code of the coupon to each enrolment here that has none, as long as there are codes."""
    wanting = f"SELECT d.id AS id, d.user_id AS user_id, d.due_at AS turn FROM {here.rows}"
    here.due.coupon_issuer.claim(here.due.connection, coupon, wanting, here.binds(), here.due.now)


def has_code(coupon: str) -> str:
    """Return SQL: the enrolment ``d`` has a code of the coupon."""
    name = quoted(coupon)
    return f"EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = d.id AND k.coupon = {name})"


def _supplied(coupon: str | None, state: State, reason: str) -> InitialState:
    """Return the initial state of the actions: held if a coupon code is missing. ``reason`` is SQL."""
    if coupon is None:
        return InitialState(f"'{state}'", reason)
    has = has_code(coupon)
    return InitialState(
        f"CASE WHEN {has} THEN '{state}' ELSE '{State.HELD}' END",
        f"CASE WHEN {has} THEN {reason} ELSE '{CouponReason.POOL_EMPTY}' END",
    )


def _preferred(dialect: Dialect, action: NewAction, begins: InitialState, reason: DescribedEnum) -> InitialState:
    """Return ``begins`` with the channel first that the user prefers, if it is one of the action's next channels."""
    first, *others = channels = [action.channel or "", *action.next_channels.split(",")]
    attribute = JsonValue("u.attributes", PREFERRED_CHANNEL, ValueType.TEXT).sql(dialect)
    preferred = f"(SELECT lower({attribute}) FROM users AS u WHERE u.id = d.user_id)"
    listed = ", ".join(map(quoted, others))
    behind = "".join(
        f" WHEN {quoted(one)} THEN {quoted(','.join(name for name in channels if name != one))}" for one in others
    )
    why = f"CASE WHEN {preferred} IN ({listed}) THEN '{PlaybookReason.PREFERRED_CHANNEL}' ELSE '{reason}' END"
    return replace(
        _supplied(action.coupon, State.QUEUED, why),
        state=begins.state,
        channel=f"CASE WHEN {preferred} IN ({listed}) THEN {preferred} ELSE {quoted(first)} END",
        next_channels=f"CASE {preferred}{behind} ELSE {quoted(','.join(others))} END",
    )
