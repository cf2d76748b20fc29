"""The kinds of steps, one file each; ``STEPS`` lists them."""

from engine.playbooks.steps.base import StepKind
from engine.playbooks.steps.branch import BRANCH
from engine.playbooks.steps.coupon import COUPON
from engine.playbooks.steps.exit import EXIT
from engine.playbooks.steps.send import SEND
from engine.playbooks.steps.send_all import SEND_ALL
from engine.playbooks.steps.wait import WAIT
from engine.playbooks.steps.wait_for import WAIT_FOR
from engine.playbooks.steps.wait_until import WAIT_UNTIL

STEPS: tuple[StepKind, ...] = (SEND, SEND_ALL, WAIT, WAIT_UNTIL, WAIT_FOR, BRANCH, COUPON, EXIT)
"""In the order in which error messages list them."""
