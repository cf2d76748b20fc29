"""What commands do to single actions: the actions that a person names or selects, chunk by chunk, with who and why."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial

from sqlalchemy import Connection

from engine.actions.by_hand import ActionFilter, FoundAction, HandChange, actions_by_id, actions_in, change
from engine.actions.put_back import count_untouched, put_back
from engine.clock import Instant, iso
from engine.control.interventions import Hand, PastIntervention, Undoer, add_count, record
from engine.errors import InputError
from engine.store.database import Database
from engine.store.pace import Pace, PacedWriter

CHUNK = 1_000
"""Actions changed in one transaction, at most."""
_PAGE = 5_000
"""Actions read at a time."""
_NAMED = 5
"""How many actions a record or an error lists by id."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The actions that a person means: those with these ``ids``, or all that are ``wanted``."""

    ids: tuple[int, ...] = ()
    wanted: ActionFilter = field(default_factory=ActionFilter)

    def __str__(self) -> str:
        if self.ids:
            named = ", ".join(map(str, self.ids[:_NAMED]))
            rest = f" and {len(self.ids) - _NAMED} more" if len(self.ids) > _NAMED else ""
            return f"action{'s' if len(self.ids) > 1 else ''} {named}{rest}"
        return ", ".join(f"{name} {value}" for name, value in self._given()) or "all"

    def _given(self) -> Iterator[tuple[str, str]]:
        for one in fields(self.wanted):
            if (value := getattr(self.wanted, one.name)) is not None:
                yield one.name, iso(value) if isinstance(value, int) else value


@dataclass(frozen=True, slots=True)
class HandWork:
    """What a command does to actions.

    ``refusal`` returns, for an action in the right state, why it is left as it is all the same; None if it is not.
    """

    command: str
    wish: HandChange
    only: str
    """In an error about another state: ``only unknown actions can be resolved``."""
    refusal: Callable[[FoundAction, Instant], str | None] = lambda _action, _now: None


@dataclass(frozen=True, slots=True)
class HandResult:
    """What a command did, or with ``dry_run`` would do."""

    command: str
    intervention: int | None
    """The id of its record; None if it changed nothing."""
    changed: Mapping[str, int]
    """New state -> how many actions."""
    reasons: Mapping[str, int]
    """The reason for which they were in their state before -> how many."""
    refused: Mapping[str, int]
    """Why others were left as they are -> how many."""
    dry_run: bool = False

    @property
    def count(self) -> int:
        """How many actions it changed."""
        return sum(self.changed.values())


@dataclass
class _Done:
    intervention: int | None = None
    changed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def result(self, work: HandWork, *, dry_run: bool) -> HandResult:
        return HandResult(work.command, self.intervention, self.changed, self.reasons, self.refused, dry_run)


def preview(database: Database, work: HandWork, chosen: Chosen, now: Instant) -> HandResult:
    """Return what ``carry_out`` would do. Nothing is written.

    Raises:
        InputError: as ``carry_out``.
    """
    done = _Done()
    for page in _pages(database, work, chosen):
        taken = _without_refused(work, page, now, done)
        done.changed.update({work.wish.state.value: len(taken)} if taken else {})
        done.reasons.update(one.reason for one in taken)
    return done.result(work, dry_run=True)


def carry_out(
    database: Database,
    work: HandWork,
    chosen: Chosen,
    hand: Hand,
    *,
    now: Instant,
    watch: Callable[[int], object] = lambda _: None,
) -> HandResult:
    """Do ``work`` to the actions that are ``chosen``; ``watch`` is told after each chunk how many it changed.

    Raises:
        InputError: an id does not exist, or its action is in another state. Nothing was changed.
    """
    done, pace = _Done(), Pace(CHUNK, database.longest_chunk)
    for page in _pages(database, work, chosen):
        taken = _without_refused(work, page, now, done)
        while taken:
            size = pace.size()
            chunk, taken = taken[:size], taken[size:]
            doing = partial(
                _chunk, work=work, chosen=chosen, hand=hand, done=done, ids=[one.id for one in chunk], now=now
            )
            changed, done.intervention = PacedWriter(database, pace).write(doing)[1]
            done.changed.update(changed)
            done.reasons.update(one.reason for one in chunk)
            watch(sum(changed.values()))
    return done.result(work, dry_run=False)


def _chunk(
    connection: Connection, *, work: HandWork, chosen: Chosen, hand: Hand, done: _Done, ids: Sequence[int], now: Instant
) -> tuple[int, tuple[Mapping[str, int], int]]:
    by = done.intervention or record(connection, hand, work.command, str(chosen), now)
    changed = change(connection, ids, work.wish, by, now)
    add_count(connection, by, sum(changed.values()))
    return len(ids), (changed, by)


def _pages(database: Database, work: HandWork, chosen: Chosen) -> Iterator[list[FoundAction]]:
    if chosen.ids:
        with database.read() as connection:
            found = actions_by_id(connection, chosen.ids)
        _check(work, chosen.ids, found)
        yield found
        return
    after = 0
    while True:
        with database.read() as connection:
            page = actions_in(connection, work.wish.before, chosen.wanted, after, _PAGE)
        if not page:
            return
        after = page[-1].id
        yield page


def _check(work: HandWork, ids: Sequence[int], found: Sequence[FoundAction]) -> None:
    known = {one.id for one in found}
    if missing := [str(one) for one in ids if one not in known]:
        listed = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
        raise InputError(f"no such action: {listed}; `habitue log --json` shows each action's `number`")
    wrong = [one for one in found if one.state != work.wish.before.value]
    if wrong:
        rest = f" (and {len(wrong) - 1} more are in another state)" if len(wrong) > 1 else ""
        raise InputError(
            f"action {wrong[0].id} is {wrong[0].state.replace('_', ' ')}{rest}; {work.only}. Nothing was changed"
        )


def _without_refused(work: HandWork, page: Sequence[FoundAction], now: Instant, done: _Done) -> list[FoundAction]:
    taken = []
    for one in page:
        if (why := work.refusal(one, now)) is None:
            taken.append(one)
        else:
            done.refused[why] += 1
    return taken


def undoer(work: HandWork) -> Undoer:
    """Return how ``work`` is undone: actions that nothing happened to since go back to where they were."""
    return Undoer(work.command, _undo, _count)


def _undo(connection: Connection, done: PastIntervention, by: int, now: Instant, limit: int) -> int:
    return put_back(connection, done.id, by, now, limit)


def _count(connection: Connection, done: PastIntervention, _now: Instant) -> int:
    return count_untouched(connection, done.id)
