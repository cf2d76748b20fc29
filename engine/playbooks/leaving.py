"""Which ends of enrolments cancel their unsent messages."""

from engine.playbooks.reasons import PlaybookReason

_LEFT = frozenset({PlaybookReason.EXIT_EVENT.value, PlaybookReason.EXIT_CONDITION.value})


def has_left(state: str | None, reason: str | None) -> bool:
    """Tell whether an enrolment in this state, for this reason, ended in a way that cancels its unsent messages.

    After the last step or an exit step, messages are still sent.
    """
    return state == "cancelled" or reason in _LEFT
