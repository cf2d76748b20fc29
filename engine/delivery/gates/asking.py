"""Running all gates on one message; reserving places with gates that count, and releasing them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, text

from engine.actions.states import State
from engine.breaker import CODE_AT_FAULT
from engine.delivery.gates.base import PASS, Defer, Gate, Hold, Pass, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage
from engine.faults import trail
from engine.store.data_errors import is_store_error
from engine.store.dialects import dialect_of
from engine.store.rowset import pack, rowset

_log = structlog.get_logger("habitue.delivery")


def judge(
    message: PendingMessage, inputs: Iterable[object], context: GateContext, gates: Sequence[Gate[Any]]
) -> Verdict:
    """Return the verdict of the first gate that does not let ``message`` pass.

    ``inputs`` are the values that each of ``gates`` loaded for this message.

    Raises:
        TypeError: a gate has a bug and does not return a verdict.
    """
    for gate, value in zip(gates, inputs, strict=True):
        verdict = gate.judge(message, value, context)
        if verdict is PASS:  # as nearly always
            continue
        match verdict:
            case Pass():
                continue
            case Refuse() | Defer() | Hold():
                return verdict
            case _:
                raise TypeError(f"the gate `{gate.name}` did not return a verdict")
    return PASS


def reserve(
    connection: Connection, messages: Sequence[PendingMessage], context: GateContext, gates: Sequence[Gate[Any]]
) -> Mapping[int, Verdict]:
    """Reserve a place for each of ``messages`` with every gate that counts; return the verdicts on those without one.

    A message that gets no place with one gate takes none with another.

    Raises:
        ValueError: a gate has a bug and returns verdicts on messages that it was not given.
    """
    counting = [gate for gate in gates if gate.reserve is not None]
    if not counting:
        return {}
    if len(counting) == 1:  # nothing to take back
        return _ask(counting[0], connection, messages, context)
    refused: dict[int, Verdict] = {}
    while left := [message for message in messages if message.action_id not in refused]:
        news: dict[int, Verdict] = {}
        with connection.begin_nested() as attempt:
            for gate in counting:
                news.update(_ask(gate, connection, [one for one in left if one.action_id not in news], context))
            if news:
                attempt.rollback()  # places that refused messages took with earlier gates
        refused.update(news)
        if not news:
            break
    return refused


def _ask(
    gate: Gate[Any], connection: Connection, messages: Sequence[PendingMessage], context: GateContext
) -> Mapping[int, Verdict]:
    assert gate.reserve is not None
    verdicts = gate.reserve(connection, messages, context)
    if not verdicts.keys() <= {message.action_id for message in messages}:
        raise ValueError(f"the gate `{gate.name}` returned verdicts on messages that it was not given")
    return verdicts


def release(connection: Connection, ended: Iterable[int], gates: Sequence[Gate[Any]]) -> None:
    """Let every gate that keeps places release those of the actions ``ended``, which will not be sent.

    A message that was ever ``unknown`` may have been sent, so it keeps its place. If a gate has a bug, it releases
    nothing; the outcome, which is written in the same transaction, is not affected.
    """
    keeping = [gate for gate in gates if gate.release is not None]
    actions = _surely_unsent(connection, ended) if keeping else []
    for gate in keeping if actions else ():
        assert gate.release is not None
        try:
            with connection.begin_nested():
                gate.release(connection, actions)
        except Exception as error:
            if is_store_error(error, connection):
                raise
            _log.error(CODE_AT_FAULT, gate=gate.name, error=trail(error), places_kept=len(actions))


def _surely_unsent(connection: Connection, ended: Iterable[int]) -> list[int]:
    rows = rowset(dialect_of(connection), "rows", id="BIGINT")
    query = text(
        f"SELECT r.id FROM {rows} AS r WHERE NOT EXISTS (SELECT 1 FROM action_event AS e WHERE e.action_id = r.id"
        f" AND e.state = '{State.UNKNOWN}') ORDER BY r.id"
    )
    return list(connection.execute(query, {"rows": pack([[action] for action in ended])}).scalars())
