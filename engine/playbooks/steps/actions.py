"""The actions that steps create: one per enrolment, queued, done, or held for a coupon code."""

from dataclasses import asdict, dataclass

from engine.actions.described_enum import DescribedEnum
from engine.actions.ledger import ActionDraft, InitialState, create
from engine.actions.states import State
from engine.incentives.reasons import CouponReason
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.store.statement import quoted


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


def add_actions(here: EnrolmentsAtStep, action: NewAction, state: State, reason: DescribedEnum) -> int:
    """Add an action for each enrolment here, in ``state`` for ``reason``; return how many.

    An action that needs a coupon code is held if the enrolment has none.
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
    begins = _supplied(action.coupon, state, reason)
    return create(here.due.connection, draft, begins, here.rows, now=now, binds=here.binds())


def claim_codes(here: EnrolmentsAtStep, coupon: str) -> None:
    """Give a code of the coupon to each enrolment here that has none, as long as there are codes."""
    wanting = f"SELECT d.id AS id, d.user_id AS user_id, d.due_at AS turn FROM {here.rows}"
    here.due.coupon_issuer.claim(here.due.connection, coupon, wanting, here.binds(), here.due.now)


def has_code(coupon: str) -> str:
    """Return SQL: the enrolment ``d`` has a code of the coupon."""
    name = quoted(coupon)
    return f"EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = d.id AND k.coupon = {name})"


def _supplied(coupon: str | None, state: State, reason: DescribedEnum) -> InitialState:
    """Return the initial state of the actions: held if a coupon code is missing."""
    if coupon is None:
        return InitialState(f"'{state}'", f"'{reason}'")
    has = has_code(coupon)
    return InitialState(
        f"CASE WHEN {has} THEN '{state}' ELSE '{State.HELD}' END",
        f"CASE WHEN {has} THEN '{reason}' ELSE '{CouponReason.POOL_EMPTY}' END",
    )
