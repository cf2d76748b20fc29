"""``coupon = "VIP20"`` without ``send``: grants a coupon code without a message."""

from dataclasses import dataclass

from engine.actions.states import State
from engine.conditions.sql import NOW
from engine.incentives.reasons import CouponReason
from engine.playbooks.due_enrolments import EnrolmentsAtStep
from engine.playbooks.steps.actions import NewAction, add_actions, has_code
from engine.playbooks.steps.base import Act, StepKind, StepPart, StepSection


@dataclass(frozen=True, slots=True)
class Grant(Act):
    """Grants a coupon code without a message."""

    coupon: str

    def take(self, here: EnrolmentsAtStep) -> int:
        """Give each enrolment a code; without one, wait until there are codes or the grant expires."""
        here.go(here.next, "d.waiting_since IS NOT NULL")
        made = add_actions(here, NewAction("coupon", coupon=self.coupon), State.ACCEPTED, CouponReason.GRANTED)
        here.go(here.next, has_code(self.coupon))
        here.stay_until(f"{NOW} + :expires", expires=here.due.head.expires)
        return made


class CouponStepSection(StepSection):
    """``[[step]]`` with ``coupon`` alone."""

    coupon: str

    def compile(self, part: StepPart) -> Grant:
        """Return the act; note an error if the coupon does not exist."""
        part.check_coupon(self.coupon)
        return Grant(self.coupon)


COUPON = StepKind("coupon", CouponStepSection, tuple(CouponReason))
