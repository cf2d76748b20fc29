"""Why an action is in its state: a word for the log and for reports, and a sentence for people.

Gates declare the reasons of their verdicts themselves. An adapter's answer brings words of its own (``mailbox_full``, ``auth_failed``); its page lists them.
"""

from engine.actions.worded import Worded


class DeliveryReason(Worded):
    """A reason that delivery itself gives. ``sentence`` explains it."""

    GATES_PASSED = "gates_passed", "All gates let it through."
    ACCEPTED = "accepted", "The provider took it."

    RENDER_FAILED = "render_failed", "The template cannot be rendered with this user's values."
    USER_MISSING = "user_missing", "The user is no longer in the store."
    ROW_UNREADABLE = "row_unreadable", "What the store holds about the user or the event cannot be read."

    TRIES_EXHAUSTED = "tries_exhausted", "The provider put it off as often as settings.delivery.tries permits."
    ADAPTER_DOWN = "adapter_down", "The provider or its configuration is at fault; the message is unharmed and waits."
    CODE_AT_FAULT = "code_at_fault", "A mistake in the program or a template stopped it; it is unharmed and waits."
    WORKER_STOPPED = "worker_stopped", "The worker stopped before the hand-off; another takes it."
    LEASE_RAN_OUT = "lease_ran_out", "The worker was too slow or died before the hand-off; another takes it."
    NO_ANSWER = "no_answer", "The worker crashed, or lost the connection, between hand-off and answer."
    RESENT = "resent_after_unknown", "Policy says that an unknown is sent again, under the same Message-ID."
    ADAPTER_ERROR = "adapter_error", "The adapter has a mistake; nobody knows whether it sent the message."
