"""Actions that steps make: one for each enrolment that stands at the step, queued or done, or held for a code."""

from dataclasses import asdict, dataclass

from engine.actions.worded import Worded
from engine.conditions.sql import text_literal
from engine.incentives.reasons import CouponReason
from engine.playbooks.due_enrolments import AtStep
from engine.store.statement import statement


@dataclass(frozen=True, slots=True)
class NewAction:
    """What the actions of one step have in common."""

    kind: str
    """``message`` or ``coupon``."""
    channel: str | None = None
    next_channels: str = ""
    """Comma between them."""
    template: str | None = None
    send_window: str | None = None
    coupon: str | None = None


def add_actions(here: AtStep, action: NewAction, state: str, reason: Worded) -> int:
    """Add an action for each enrolment here, in ``state`` for ``reason``; return how many.

    One that has to carry a coupon's code is held where the enrolment has none.
    """
    if action.coupon is not None:
        claim_codes(here, action.coupon)
    state_sql, reason_sql = _supplied(here, action.coupon, state, reason)
    head = here.due.head
    binds = here.binds(
        step_id=here.id,
        message_class=head.message_class,
        priority=head.priority,
        expires_at=here.due.now + head.expires,
        **asdict(action),
    )
    made = here.due.connection.execute(
        statement(
            "INSERT INTO action (enrolment_id, step, attempt, user_id, playbook, version, kind, class, priority,"
            " channel, next_channels, template, send_window, coupon, state, reason, due_at, expires_at, tries,"
            " fence, created_at, changed_at)"
            " SELECT d.id, :step_id, 1, d.user_id, :playbook, :version, :kind, :message_class, :priority, :channel,"
            f" :next_channels, :template, :send_window, :coupon, {state_sql}, {reason_sql}, :now, :expires_at, 0, 0,"
            f" :now, :now FROM {here.rows} ORDER BY d.due_at, d.id"
            " ON CONFLICT (enrolment_id, step, attempt) DO NOTHING"
        ),
        binds,
    ).rowcount
    _log(here, binds)
    return made


def _log(here: AtStep, binds: dict[str, object]) -> None:
    rows = here.joined("JOIN action AS a ON a.enrolment_id = d.id AND a.step = :step_id AND a.attempt = 1")
    here.due.connection.execute(
        statement(
            "INSERT INTO action_event (action_id, at, state, reason, detail)"
            f" SELECT a.id, :now, a.state, a.reason, '' FROM {rows}"
            " AND NOT EXISTS (SELECT 1 FROM action_event AS v WHERE v.action_id = a.id)"
        ),
        binds,
    )


def claim_codes(here: AtStep, coupon: str) -> None:
    """Give a code of the coupon to each enrolment here that has none, as far as there are codes."""
    wanting = f"SELECT d.id AS id, d.user_id AS user_id, d.due_at AS turn FROM {here.rows}"
    here.due.desk.claim(here.due.connection, coupon, wanting, here.binds(), here.due.now)


def has_code(here: AtStep, coupon: str) -> str:
    """Return SQL: the enrolment ``d`` has a code of the coupon."""
    name = text_literal(coupon, here.due.dialect)
    return f"EXISTS (SELECT 1 FROM coupon_code AS k WHERE k.enrolment_id = d.id AND k.coupon = {name})"


def _supplied(here: AtStep, coupon: str | None, state: str, reason: Worded) -> tuple[str, str]:
    """Return SQL of an action's state and reason: held where a code is missing."""
    if coupon is None:
        return f"'{state}'", f"'{reason}'"
    has = has_code(here, coupon)
    return (
        f"CASE WHEN {has} THEN '{state}' ELSE 'held' END",
        f"CASE WHEN {has} THEN '{reason}' ELSE '{CouponReason.POOL_EMPTY}' END",
    )
