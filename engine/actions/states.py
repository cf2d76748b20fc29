"""The states of an action, each with the sentence that people read."""

from engine.actions.described_enum import DescribedEnum


class State(DescribedEnum):
    """The state of an action. ``sentence`` explains it."""

    PLANNED = "planned", "It will be queued when its time comes."
    QUEUED = "queued", "It is sent as soon as it is due."
    CLAIMED = "claimed", "A worker has claimed it and is checking the gates."
    HANDED_OFF = "handed_off", "A worker is handing it to the provider, or crashed while doing so."
    ACCEPTED = "accepted", "The provider accepted it."
    DELIVERED = "delivered", "The provider reports that it was delivered."
    HELD = "held", "It waits for a person or for something that has run out: an approval, a budget, a coupon code."
    DEFERRED = (
        "deferred",
        "It waits for a later time: the end of quiet hours, the step's window, the retry of a quarantined row.",
    )
    SUPPRESSED = "suppressed", "A gate refused it; the reason says which."
    FAILED = "failed", "It failed for good; the reason says why."
    RETRYING = "retrying", "The provider has not accepted it yet; it is retried."
    UNKNOWN = "unknown", "It may have been sent: the connection ended after the hand-off without an answer."
    CANCELLED = "cancelled", "It was cancelled before it was sent."
    EXPIRED = "expired", "It was too old to be worth sending."
    BOUNCED = "bounced", "The provider reports that it could not be delivered to the address."
    COMPLAINED = "complained", "The recipient reported it as spam."
    OPENED = "opened", "The recipient opened it."
    CLICKED = "clicked", "The recipient clicked a link in it."


def _among(*states: State) -> str:
    """Return SQL: the action is in one of ``states``. Partial indexes use the same text, because planners compare it."""
    listed = ", ".join(f"'{state}'" for state in states)
    return f"state IN ({listed})"


WAITING = (State.QUEUED, State.DEFERRED, State.RETRYING)
"""The states from which delivery claims an action once it is due."""
WAITING_SQL = _among(*WAITING)

HELD_OR_UNKNOWN_SQL = _among(State.HELD, State.UNKNOWN)
"""The states that wait for a decision; a partial index has this condition."""
HELD_SQL = f"{HELD_OR_UNKNOWN_SQL} AND state = '{State.HELD}'"
"""Those that are held, by the same index: planners compare texts."""

LEASED = (State.CLAIMED, State.HANDED_OFF)
"""The states in which one worker holds an action, until its lease ends."""
LEASED_SQL = _among(*LEASED)

UNSENT_SQL = _among(*WAITING, State.HELD)
"""The states before sending begins: claimed and handed-off actions are left to delivery."""

ENDED_UNSENT = (State.SUPPRESSED, State.FAILED, State.CANCELLED, State.EXPIRED)
"""The states in which an action ends without being sent."""
ENDED_UNSENT_SQL = _among(*ENDED_UNSENT)

MAY_LEAVE_SQL = _among(*WAITING, State.HELD, *LEASED)
"""The states from which a message may still be sent: delivery may requeue a claimed one, and then checks the enrolment."""

RECEIPT_STATES = (State.DELIVERED, State.BOUNCED, State.OPENED, State.CLICKED, State.COMPLAINED)
"""The states that receipts report, each stronger than those before it.

An action keeps the strongest, in whatever order they come: a message that was opened was received, even if a bounce is
reported later, and a click does not undo a complaint.
"""
RECEIPT_STATES_SQL = _among(*RECEIPT_STATES)

MAY_HAVE_ARRIVED_SQL = _among(State.UNKNOWN, State.ACCEPTED, *RECEIPT_STATES)
"""The states of a message that may have reached its recipient."""
