"""Why playbooks did or did not do something: a word for the log, and a sentence for people."""

from engine.actions.worded import Worded


class Reason(Worded):
    """A reason that playbooks give, for an enrolment, for an action, or for a user who is not enrolled."""

    # Actions.
    DUE = "due", "The enrolment reached this step."
    GRANTED = "granted", "The coupon code is the user's."
    POOL_EMPTY = "coupon_pool_empty", "The message must carry a coupon code and there is none left; it waits for codes."
    POOL_FILLED = "coupon_pool_filled", "It waited for a coupon code, and now has one."
    EXPIRED_WAITING = "expired_without_coupon", "It expired while it waited for a coupon code."

    # Enrolments that ended.
    COMPLETED = "completed", "The user went through all steps."
    EXIT_EVENT = "exit_event", "The playbook's exit event happened."
    EXIT_CONDITION = "exit_condition", "The playbook's exit condition holds."
    EXPIRED = "trigger_expired", "The first step came up after the trigger had expired."
    VERSION_UNREADABLE = "version_unreadable", "The version it entered cannot be read with today's facts and rules."

    # Users in and out of a playbook, for `habitue explain`.
    ACTIVE = "active", "The user is in the playbook."
    NOT_ACTIVE_YET = "not_applied", "The playbook was never applied."
    NOT_TRIGGERED = "not_triggered", "Nothing that triggers the playbook happened."
    CONDITION_FALSE = "condition_does_not_hold", "The trigger's condition does not hold."
    TRIGGER_TOO_OLD = "trigger_too_old", "What triggers the playbook happened, but longer ago than `expires`."
    BEFORE_ACTIVATION = (
        "before_activation",
        "What triggers the playbook happened before the playbook was first applied.",
    )
    FIRST_PLACEMENT = "first_placement", "The user was known for longer than `expires` when first placed there."
    MOVED_ON = "moved_on", "The user does not stand where the trigger put them any more."
    AUDIENCE_FALSE = "audience_does_not_hold", "The trigger fits, but the audience's condition does not hold."
    ONCE_ONLY = "once_only", "The user was in the playbook before, and re-entry is `once`."
    REENTRY_NOT_YET = "reentry_not_yet", "The user was in the playbook before, and may not enter again yet."
    SAME_OCCURRENCE = "same_occurrence", "The user was enrolled for this very occasion."
    ENTERS_NEXT = "enters_next", "All fits: the user enters at the next tick that looks at them."
