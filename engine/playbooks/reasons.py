"""Reasons that every playbook can give. Those of one kind of trigger or step are declared in that kind's file."""

from engine.actions.described_enum import DescribedEnum


class PlaybookReason(DescribedEnum):
    """Why an enrolment or action is in its state, or why a user is not enrolled."""

    # Actions.
    DUE = "due", "The enrolment reached this step."
    PREFERRED_CHANNEL = (
        "preferred_channel",
        "The enrolment reached this step, and the user prefers this channel to the step's first.",
    )

    # Enrolments that ended.
    COMPLETED = "completed", "The user completed all steps."
    EXIT_EVENT = "exit_event", "The playbook's exit event happened."
    EXIT_CONDITION = "exit_condition", "The playbook's exit condition holds."
    EXPIRED = "trigger_expired", "The trigger expired before the first step was due."
    VERSION_UNREADABLE = (
        "version_unreadable",
        "The enrolment's version of the playbook does not compile with today's facts and rules.",
    )
    RETIRED = "playbook_retired", "Its playbook is retired: its file says so, or is gone."
    CLOCK_SET_BACK = (
        "clock_set_back",
        "It was triggered by what had not happened yet, because the clock was ahead; a person set the clock back.",
    )

    # Users in and out of a playbook, for `habitue explain`.
    ACTIVE = "active", "The user is in the playbook."
    NOT_ACTIVE_YET = "not_applied", "The playbook has never been applied."
    NOT_TRIGGERED = "not_triggered", "The playbook's trigger has not occurred."
    TRIGGER_TOO_OLD = "trigger_too_old", "The trigger occurred longer ago than `expires`."
    BEFORE_ACTIVATION = (
        "before_activation",
        "The trigger occurred before the playbook was first applied.",
    )
    AUDIENCE_FALSE = "audience_does_not_hold", "The trigger occurred, but the user does not match the audience."
    ONCE_ONLY = "once_only", "The user was in the playbook before, and `reentry` is `once`."
    REENTRY_NOT_YET = "reentry_not_yet", "The user was in the playbook before and cannot re-enter yet."
    SAME_OCCURRENCE = "same_occurrence", "The user was already enrolled for this occurrence."
    ENTERS_NEXT = "enters_next", "All conditions are met: the user enters at the next tick that evaluates them."
