"""The words that ``habitue log`` can be asked for: one that is nowhere is a typing error, not an empty log."""

from collections.abc import Collection

from sqlalchemy import Connection, text

from engine.actions.history import stands_in_log
from engine.actions.states import State
from engine.content.findings import did_you_mean
from engine.errors import InputError
from engine.kinds import Kinds

_PLAYBOOKS = text("SELECT DISTINCT name FROM version WHERE kind = 'playbook'")


def check_words(
    connection: Connection,
    kinds: Kinds,
    *,
    playbook: str | None,
    channel: str | None,
    state: str | None,
    reason: str | None,
) -> None:
    """Check that there are such a playbook, channel, state and reason; None is not checked.

    Adapters and files from other versions of the program give words that it does not know: they are fine if the log has
    them.

    Raises:
        InputError: there is none, and the error names the nearest.
    """
    if playbook is not None:
        _check(connection, "playbook", playbook, connection.execute(_PLAYBOOKS).scalars().all())
    if channel is not None:
        _check(connection, "channel", channel, [one.name for one in kinds.channels])
    if state is not None:
        _check(connection, "state", state, list(State))
    if reason is not None:
        _check(connection, "reason", reason, [one.value for one in kinds.reasons])


def _check(connection: Connection, what: str, word: str, known: Collection[str]) -> None:
    if word not in known and not stands_in_log(connection, what, word):
        raise InputError(f"no such {what} `{word}`{did_you_mean(word, known)}")
