"""Running all gates on one message, and reserving places with gates that count."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from engine.delivery.gates.base import PASS, Defer, Gate, Hold, Pass, Refuse, Verdict
from engine.delivery.pending_message import GateContext, PendingMessage


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
    refused: dict[int, Verdict] = {}
    while left := [message for message in messages if message.action_id not in refused]:
        attempt = connection.begin_nested()
        news: dict[int, Verdict] = {}
        for gate in counting:
            news.update(_ask(gate, connection, [one for one in left if one.action_id not in news], context))
        refused.update(news)
        if not news or len(counting) == 1:
            attempt.commit()
            break
        attempt.rollback()  # places that refused messages took with earlier gates
    return refused


def _ask(
    gate: Gate[Any], connection: Connection, messages: Sequence[PendingMessage], context: GateContext
) -> Mapping[int, Verdict]:
    assert gate.reserve is not None
    verdicts = gate.reserve(connection, messages, context)
    if not verdicts.keys() <= {message.action_id for message in messages}:
        raise ValueError(f"the gate `{gate.name}` returned verdicts on messages that it was not given")
    return verdicts
