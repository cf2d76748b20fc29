"""What a gate is: a question that each message must answer before it leaves, with what it reads and what it says.

A gate is one value. Its ``judge`` is a pure function of the message, of what the gate itself had read for it, and of
the circumstances that all messages share. A gate that counts also has ``reserve``, which decides once more inside the
transaction of the hand-off, where several workers can take no more places than there are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Connection

from engine.actions.states import State
from engine.actions.worded import Worded
from engine.delivery.candidate import Candidate, Circumstances

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It shall not leave on this channel; the step's next channel is tried. ``state`` is what becomes of it.

    ``final`` says that every other channel would be refused as well, so none is tried.
    """

    reason: Worded
    state: State = State.SUPPRESSED
    final: bool = False


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: it is looked at again at ``until``, in UTC milliseconds."""

    reason: Worded
    until: int


@dataclass(frozen=True, slots=True)
class Hold:
    """It waits for a person or for supplies. The step waits with it: no other channel is tried."""

    reason: Worded


Verdict: TypeAlias = Pass | Refuse | Defer | Hold
PASS = Pass()


@dataclass(frozen=True, slots=True)
class Columns(Generic[T]):
    """What a gate reads in the one statement that loads a batch: names -> SQL, and what it joins for them.

    The SQL may use ``a`` (the action), ``u`` (users), ``s`` (user_state), ``n`` (the enrolment) and the gate's own
    ``joins``, which must be left joins with at most one row for each action, under aliases that begin with the gate's
    name. ``read`` makes the gate's value from a row whose attributes are the names; it raises ``BadRow`` where the row
    holds what cannot be understood.
    """

    columns: Mapping[str, str]
    read: Callable[[Any], T]
    joins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup(Generic[T]):
    """What a gate reads with a statement of its own, for a whole batch at once.

    ``load`` returns values by action id; actions that it leaves out have the value ``otherwise``.
    """

    load: Callable[[Connection, Sequence[Candidate]], Mapping[int, T]]
    otherwise: T


Reserve: TypeAlias = Callable[[Connection, Sequence[Candidate], Circumstances], Mapping[int, Verdict]]
"""Takes a place for each message in the caller's transaction; returns the verdict on those that got none, by action id.

It is asked for messages that have passed all gates and that this worker still holds, and decides with a statement that
is atomic among workers: an ``INSERT … ON CONFLICT DO UPDATE … WHERE`` on a counter, in the order of its keys, so that
two workers do not wait for each other. The places are taken if and only if the hand-off is committed. A message can come
again (its provider was down): an action that has a place keeps it and takes no second.
"""


@dataclass(frozen=True)
class Gate(Generic[T]):
    """One gate. ``reasons`` are the words of all its verdicts, each with its sentence.

    ``needs`` is what ``judge`` gets as its second argument; None where the message itself says enough.
    """

    name: str
    judge: Callable[[Candidate, T, Circumstances], Verdict]
    reasons: tuple[Worded, ...]
    needs: Columns[T] | Lookup[T] | None = None
    reserve: Reserve | None = field(default=None)
