"""The gates between an action and the wire, as one list of pure functions. Each answers with a named verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from engine.actions.reasons import LedgerReason
from engine.actions.states import State
from engine.actions.worded import Worded
from engine.calendar.window import Hours, next_permitted
from engine.calendar.zones import local_minute, zone_or
from engine.delivery.candidate import Candidate, Circumstances
from engine.delivery.reasons import Reason


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It shall not leave on this channel. ``state`` is what becomes of it.

    ``final`` says that another channel would be refused as well, so that none is tried.
    """

    reason: Worded
    state: State = State.SUPPRESSED
    final: bool = False


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: it may be looked at again at ``until``, in UTC milliseconds."""

    reason: Worded
    until: int


Verdict: TypeAlias = Pass | Refuse | Defer
Gate: TypeAlias = Callable[[Candidate, Circumstances], Verdict]
PASS = Pass()


def enrolment(candidate: Candidate, _circumstances: Circumstances) -> Verdict:
    """Call off what was on its way back to the queue when its user left the playbook."""
    return PASS if candidate.enrolment_open else Refuse(LedgerReason.ENROLMENT_EXITED, State.CANCELLED, final=True)


def expiry(candidate: Candidate, circumstances: Circumstances) -> Verdict:
    """Refuse what is too old to be worth sending."""
    if circumstances.now < candidate.expires_at:
        return PASS
    return Refuse(Reason.EXPIRED, State.EXPIRED, final=True)


def coupon(candidate: Candidate, circumstances: Circumstances) -> Verdict:
    """Refuse a message that lacks the code that it must carry, or carries one that is no longer good."""
    if candidate.coupon_name is None:
        return PASS
    if candidate.coupon is None:
        return Refuse(Reason.COUPON_MISSING, final=True)
    expires_at = candidate.coupon.expires_at
    if expires_at is not None and expires_at <= circumstances.now:
        return Refuse(Reason.COUPON_EXPIRED, State.EXPIRED, final=True)
    return PASS


def adapter(candidate: Candidate, circumstances: Circumstances) -> Verdict:
    """Refuse a channel that nothing serves."""
    return PASS if candidate.channel in circumstances.channels else Refuse(Reason.NO_ADAPTER)


def consent(candidate: Candidate, circumstances: Circumstances) -> Verdict:
    """Ask what the user said, or what silence means; a transactional message does not ask."""
    if candidate.message_class == "transactional" or candidate.granted:
        return PASS
    if candidate.granted is False:
        return Refuse(Reason.OPTED_OUT)
    policy = circumstances.consent.service if candidate.message_class == "service" else circumstances.consent.marketing
    return PASS if policy == "opt-out" else Refuse(Reason.NO_CONSENT)


def address(candidate: Candidate, _circumstances: Circumstances) -> Verdict:
    """Refuse where there is no address on this channel, or one that nothing can be sent to."""
    if not candidate.address:
        return Refuse(Reason.ADDRESS_MISSING)
    if candidate.recipient is None:
        return Refuse(Reason.ADDRESS_INVALID)
    return PASS


def suppression(candidate: Candidate, _circumstances: Circumstances) -> Verdict:
    """Refuse an address that gets nothing more, whatever the class."""
    return Refuse(Reason.SUPPRESSED) if candidate.suppressed else PASS


def hours(candidate: Candidate, circumstances: Circumstances) -> Verdict:
    """Wait for the step's window and, with marketing, for the end of the quiet hours."""
    quiet = circumstances.quiet_hours if candidate.message_class == "marketing" else None
    if candidate.window is None and quiet is None:
        return PASS
    permitted = Hours(candidate.window, quiet)
    found = _hours_at(circumstances.now, candidate.timezone, circumstances.brand_zone, permitted)
    if isinstance(found, Defer) and found.until >= candidate.expires_at:
        return Refuse(Reason.EXPIRES_BEFORE_WINDOW, State.EXPIRED, final=True)
    return found


@lru_cache(maxsize=4096)
def _hours_at(now: int, timezone: str | None, brand_zone: str, permitted: Hours) -> Verdict:
    """Answer for all users of one zone at once: a batch has thousands of users and a few zones."""
    zone = zone_or(timezone, ZoneInfo(brand_zone))
    until = next_permitted(now, zone, permitted)
    if until == now:
        return PASS
    if until is None:
        return Refuse(Reason.NO_WINDOW, final=True)
    in_window = permitted.in_window(local_minute(now, zone))
    return Defer(Reason.QUIET_HOURS if in_window else Reason.OUTSIDE_WINDOW, until)


GATES: tuple[Gate, ...] = (enrolment, expiry, coupon, adapter, consent, address, suppression, hours)
"""In the order in which they are asked: what is final first, what costs a look at the clock last."""


def judge(candidate: Candidate, circumstances: Circumstances, gates: tuple[Gate, ...] = GATES) -> Verdict:
    """Return the verdict of the first gate that does not let ``candidate`` pass."""
    for gate in gates:
        verdict = gate(candidate, circumstances)
        if verdict is not PASS:
            return verdict
    return PASS
