"""The base of gates. A gate is a check that each message must pass before it is sent, with its data and its reasons.

A gate is one value. Its ``judge`` is a pure function of the message, of what the gate loaded for it, and of the
context that all messages share. A gate that counts also has ``reserve``, which decides again inside the
transaction of the hand-off, so that several workers together cannot exceed the limit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Connection

from engine.actions.described_enum import DescribedEnum
from engine.actions.states import State
from engine.delivery.pending_message import GateContext, PendingMessage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pass:
    """The message may be sent."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The message is not sent on this channel but ends in ``state``; the step's next channel is tried.

    If ``final``, every other channel would be refused as well, so none is tried.
    """

    reason: DescribedEnum
    state: State = State.SUPPRESSED
    final: bool = False


@dataclass(frozen=True, slots=True)
class Defer:
    """The message is tried again at ``until``, in UTC milliseconds."""

    reason: DescribedEnum
    until: int


@dataclass(frozen=True, slots=True)
class Hold:
    """The message waits for a person or for something that has run out; no other channel is tried."""

    reason: DescribedEnum


Verdict: TypeAlias = Pass | Refuse | Defer | Hold
PASS = Pass()


@dataclass(frozen=True, slots=True)
class Columns(Generic[T]):
    """What a gate reads in the statement that loads a batch: names -> SQL, and the joins they need.

    The SQL may use ``a`` (the action), ``u`` (users), ``s`` (user_state), ``n`` (the enrolment) and the gate's own
    ``joins``, which must be left joins with at most one row for each action, under aliases that begin with the gate's
    name. ``read`` converts a row whose attributes are the names to the gate's value; it raises ``BadRow`` if the row
    has invalid data.
    """

    columns: Mapping[str, str]
    read: Callable[[Any], T]
    joins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup(Generic[T]):
    """What a gate reads with a statement of its own, for a whole batch at once.

    ``load`` returns values by action id; actions that it leaves out have the value ``otherwise``.
    """

    load: Callable[[Connection, Sequence[PendingMessage]], Mapping[int, T]]
    otherwise: T


Reserve: TypeAlias = Callable[[Connection, Sequence[PendingMessage], GateContext], Mapping[int, Verdict]]
"""Reserves a place for each message in the caller's transaction; returns the verdict on those without, by action id.

It is called for messages that have passed all gates and that this worker still holds. It must use a statement that is
atomic between workers: an ``INSERT … ON CONFLICT DO UPDATE … WHERE`` on a counter, in the order of its keys to prevent
deadlocks. The places are taken if and only if the hand-off is committed. A message can be handed off again, for example
after its provider was down: an action that already has a place keeps it and takes no other.
"""

Release: TypeAlias = Callable[[Connection, Sequence[int]], None]
"""Releases the places of these actions, in the transaction that records that they ended unsent.

The actions are sorted by id; those without a place must be ignored. Counters must be changed in the order of their
keys, as in ``Reserve``. It is not called for messages that a playbook cancels while they wait for a retry, and not for
held ones that expire.
"""


@dataclass(frozen=True)
class Gate(Generic[T]):
    """One gate. ``reasons`` are those of all its verdicts.

    ``needs`` loads the second argument of ``judge``; None if the message itself is enough.
    """

    name: str
    judge: Callable[[PendingMessage, T, GateContext], Verdict]
    reasons: tuple[DescribedEnum, ...]
    needs: Columns[T] | Lookup[T] | None = None
    reserve: Reserve | None = field(default=None)
    release: Release | None = field(default=None)
    """None if the gate counts from the ledger, and keeps no places of its own."""
    asked_twice: bool = False
    """Whether it is asked again at the hand-off, because a person can change what its ``Lookup`` reads at any moment."""
