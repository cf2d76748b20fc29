"""The reasons that delivery itself gives for an action's state.

Gates declare the reasons of their verdicts. Adapters' answers have their own words (``mailbox_full``, ``auth_failed``);
each adapter's page lists them.
"""

from engine import breaker
from engine.actions.described_enum import DescribedEnum


class DeliveryReason(DescribedEnum):
    """A reason that delivery itself gives. ``sentence`` explains it."""

    GATES_PASSED = "gates_passed", "It passed all gates."
    ACCEPTED = "accepted", "The provider accepted it."

    RENDER_FAILED = "render_failed", "The template cannot be rendered with this user's values."
    USER_MISSING = "user_missing", "The user is no longer in the store."
    ROW_UNREADABLE = "row_unreadable", "The stored data of the user or the event cannot be read."

    TRIES_EXHAUSTED = "tries_exhausted", "The provider deferred it as often as delivery.tries allows."
    ADAPTER_DOWN = (
        "adapter_down",
        "The provider is down, refuses us, or its configuration is wrong; the message waits and is not lost.",
    )
    ADAPTER_BUSY = (
        "adapter_busy",
        "Its adapter takes no more at present, and the channel's others need not wait for it; it is tried again.",
    )
    CODE_AT_FAULT = breaker.CODE_AT_FAULT, "A bug in the program or a template stopped it; it waits and is not lost."
    WORKER_STOPPED = "worker_stopped", "The worker stopped before the hand-off; another worker will take it."
    LEASE_RAN_OUT = (
        "lease_ran_out",
        "The worker was too slow or crashed before the hand-off; another worker will take it.",
    )
    NOT_BEGUN = (
        "not_begun",
        "The worker crashed before the provider could get the message; another worker will take it.",
    )
    TOO_SLOW = "too_slow", "The lease ended before the provider had the complete message; it is tried again."
    PAUSED = (
        "paused",
        "A person paused its playbook, channel, adapter or class, or everything; it waits for `habitue resume`.",
    )
    PAUSED_BY_FILE = (
        "paused_by_file",
        'The file of its playbook says `state = "paused"`; it waits until the file says otherwise.',
    )
    DEVICE_CHANGED = (
        "device_changed",
        "Its device came to belong to another user just before the hand-off; it is prepared again for another device.",
    )
    NO_ANSWER = "no_answer", "The worker crashed or lost the connection between the hand-off and the answer."
    RESENT = (
        "resent_after_unknown",
        "It was unknown, and delivery.unknown is `resend`: it is sent again with the same Message-ID.",
    )
    REPEATED = (
        "repeated_after_unknown",
        "It was unknown; the provider recognises a second copy, so it is sent again with the same key.",
    )
    NO_SEND_KEYS = "no_send_keys", "The provider did not give keys for messages in time, so none was handed to it."
    ADAPTER_ERROR = "adapter_error", "The adapter has a bug; the message may or may not have been sent."
