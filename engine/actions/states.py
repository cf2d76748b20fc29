"""The states of an action's life, each with the sentence that ops and admins read."""

from engine.actions.worded import Worded


class State(Worded):
    """Where an action stands. ``sentence`` says what that means."""

    PLANNED = "planned", "It will be queued when its time comes."
    QUEUED = "queued", "Delivery takes it as soon as it is due."
    CLAIMED = "claimed", "A worker has taken it and looks at the gates."
    HANDED_OFF = "handed_off", "A worker is handing it to the provider, or crashed while it did."
    ACCEPTED = "accepted", "The provider took responsibility for it."
    DELIVERED = "delivered", "The provider reports that it arrived."
    HELD = "held", "It waits for a person or for supplies: an approval, a budget, a coupon code."
    DEFERRED = (
        "deferred",
        "It waits for a better hour: quiet hours, the step's window, the next look at a row in quarantine.",
    )
    SUPPRESSED = "suppressed", "A gate refused it; the reason says which."
    FAILED = "failed", "It failed for good; the reason says why."
    RETRYING = "retrying", "The provider did not take it yet; it is tried again."
    UNKNOWN = "unknown", "It may have been sent: there was no answer between hand-off and the end of the connection."
    CANCELLED = "cancelled", "It was called off before it left."
    EXPIRED = "expired", "It was too old to be worth sending."
    BOUNCED = "bounced", "The provider reports that the address does not take it."
    COMPLAINED = "complained", "The recipient called it spam."
    OPENED = "opened", "The recipient opened it."
    CLICKED = "clicked", "The recipient followed a link in it."


def _among(*states: State) -> str:
    """Return SQL: the action is in one of ``states``. Partial indexes spell it alike: the planners compare the texts."""
    listed = ", ".join(f"'{state}'" for state in states)
    return f"state IN ({listed})"


WAITING = (State.QUEUED, State.DEFERRED, State.RETRYING)
"""The states from which delivery claims an action once it is due."""
WAITING_SQL = _among(*WAITING)

LEASED = (State.CLAIMED, State.HANDED_OFF)
"""The states in which an action belongs to one worker, until its lease ends."""
LEASED_SQL = _among(*LEASED)

UNSENT_SQL = _among(*WAITING, State.HELD)
"""Not on its way: what a worker has claimed or handed off is left to delivery."""

MAY_LEAVE_SQL = _among(*WAITING, State.HELD, *LEASED)
"""A message can still leave: delivery may give back what it has, and asks about the enrolment then."""

RECEIPT_STATES = (State.DELIVERED, State.BOUNCED, State.OPENED, State.CLICKED, State.COMPLAINED)
"""The states that receipts tell of, each weightier than those before it.

An action keeps the weightiest, in whatever order they come: who opened a message received it, whatever bounces
somewhere afterwards, and who complains does not take it back by a click.
"""
RECEIPT_STATES_SQL = _among(*RECEIPT_STATES)
