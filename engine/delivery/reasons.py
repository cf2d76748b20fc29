"""Why an action is in its state: a word for the log and for reports, and a sentence for people.

An adapter's answer brings words of its own (``mailbox_full``, ``auth_failed``); its page lists them.
"""

from engine.actions.worded import Worded


class Reason(Worded):
    """A reason that delivery itself gives. ``sentence`` explains it."""

    GATES_PASSED = "gates_passed", "All gates let it through."
    ACCEPTED = "accepted", "The provider took it."

    EXPIRED = "expired", "It came up for sending after it had expired."
    EXPIRES_BEFORE_WINDOW = "expires_before_window", "Its next permitted hour lies after it expires."
    NO_WINDOW = "no_window", "The step's window lies wholly within the brand's quiet hours, so no hour is permitted."
    NO_ADAPTER = "no_adapter", "No adapter is configured for its channel."
    NO_CONSENT = "no_consent", "The user has not agreed to this class of message on this channel."
    OPTED_OUT = "opted_out", "The user said no to this class of message on this channel."
    SUPPRESSED = "address_suppressed", "The address is on the suppression list and gets nothing more."
    ADDRESS_MISSING = "address_missing", "The user has no address on this channel."
    ADDRESS_INVALID = "address_invalid", "The user's address on this channel is not a valid one."
    COUPON_MISSING = "coupon_missing", "The message must carry a coupon code, and none was claimed for it."
    COUPON_EXPIRED = "coupon_expired", "The coupon code that the message carries is no longer good."
    OUTSIDE_WINDOW = "outside_window", "It waits for the step's window in the user's own time zone."
    QUIET_HOURS = "quiet_hours", "It waits for the end of the brand's quiet hours in the user's own time zone."

    RENDER_FAILED = "render_failed", "The template cannot be rendered with this user's values."
    USER_MISSING = "user_missing", "The user is no longer in the store."
    ROW_UNREADABLE = "row_unreadable", "What the store holds about the user or the event cannot be read."

    TRIES_EXHAUSTED = "tries_exhausted", "The provider put it off as often as settings.delivery.tries permits."
    ADAPTER_DOWN = "adapter_down", "The provider or its configuration is at fault; the message is unharmed and waits."
    WORKER_STOPPED = "worker_stopped", "The worker stopped before the hand-off; another takes it."
    LEASE_RAN_OUT = "lease_ran_out", "The worker was too slow or died before the hand-off; another takes it."
    NO_ANSWER = "no_answer", "The worker crashed, or lost the connection, between hand-off and answer."
    RESENT = "resent_after_unknown", "Policy says that an unknown is sent again, under the same Message-ID."
    ADAPTER_ERROR = "adapter_error", "The adapter broke in a way that it should not; it may have sent the message."
