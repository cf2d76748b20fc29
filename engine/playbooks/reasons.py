"""Reasons that every playbook can give: a word for the log, and a sentence for people.

What only one kind of trigger or step can say is declared in that kind's file.
"""

from engine.actions.worded import Worded


class PlaybookReason(Worded):
    """A reason for what became of an enrolment or its actions, or for why a user is not enrolled."""

    # Actions.
    DUE = "due", "The enrolment reached this step."

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
    TRIGGER_TOO_OLD = "trigger_too_old", "What triggers the playbook happened, but longer ago than `expires`."
    BEFORE_ACTIVATION = (
        "before_activation",
        "What triggers the playbook happened before the playbook was first applied.",
    )
    AUDIENCE_FALSE = "audience_does_not_hold", "The trigger fits, but the audience's condition does not hold."
    ONCE_ONLY = "once_only", "The user was in the playbook before, and re-entry is `once`."
    REENTRY_NOT_YET = "reentry_not_yet", "The user was in the playbook before, and may not enter again yet."
    SAME_OCCURRENCE = "same_occurrence", "The user was enrolled for this very occasion."
    ENTERS_NEXT = "enters_next", "All fits: the user enters at the next tick that looks at them."
