"""The gates that an action must pass before it is sent: one file each, and the order in which they run."""

from typing import Any

from engine.delivery.gates.adapter import ADAPTER
from engine.delivery.gates.address import ADDRESS
from engine.delivery.gates.address_consent import ADDRESS_CONSENT
from engine.delivery.gates.base import Gate
from engine.delivery.gates.consent import CONSENT
from engine.delivery.gates.coupon import COUPON
from engine.delivery.gates.duplicate import DUPLICATE
from engine.delivery.gates.enrolment import ENROLMENT
from engine.delivery.gates.expiry import EXPIRY
from engine.delivery.gates.hours import HOURS
from engine.delivery.gates.suppression import SUPPRESSION

GATES: tuple[Gate[Any], ...] = (
    ENROLMENT,
    EXPIRY,
    COUPON,
    ADAPTER,
    CONSENT,
    ADDRESS,
    ADDRESS_CONSENT,
    SUPPRESSION,
    HOURS,
    DUPLICATE,
)
"""In the order in which they run: those with final refusals first, those that depend on the time of day last, and those
that count after all others."""
