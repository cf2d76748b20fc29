"""Addresses that get no more messages: added, removed and imported by hand. The record of it contains no address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, text

from engine.channels.base import Channel
from engine.clock import Clock, Instant
from engine.control.interventions import Hand, PastIntervention, Undoer, add_count, record
from engine.errors import InputError
from engine.intake.files.importing import Progress, SuppressedChannel, import_suppressions
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source
from engine.intake.files.summary import ImportSummary
from engine.intake.rows.model import SuppressionRow, Written
from engine.intake.write.suppressions import (
    count_lifted_by,
    count_suppressed_by,
    lift,
    listed,
    restore,
    suppress,
    take_back,
)
from engine.store.database import Database, Transactions
from engine.store.dialects import Dialect

BY_HAND = "by_hand"
"""The reason and source of addresses that a person adds one by one."""
_ADD, _REMOVE, _IMPORT = "suppress add", "suppress remove", "suppress import"


@dataclass(frozen=True, slots=True)
class ListChange:
    """What a command did to the list, or with ``dry_run`` would do: addresses changed, and those that were so already."""

    channel: str
    changed: int
    same: int
    intervention: int | None
    dry_run: bool = False


def forms_of(channel: Channel, addresses: Sequence[str], *, country: str, show: bool) -> list[str]:
    """Return ``addresses`` as the list stores them, each once.

    Raises:
        InputError: one is not an address of the channel; it is named by its place, and shown only if ``show``.
    """
    forms = []
    for place, address in enumerate(addresses, 1):
        if (form := form_of(channel, address, country)) is None:
            shown = f" `{address}`" if show else ""
            raise InputError(
                f"address {place}{shown} is not one of the channel {channel.name}: write it like {channel.sample}."
                " Nothing was changed"
            )
        forms.append(form)
    return list(dict.fromkeys(forms))


def form_of(channel: Channel, address: str, country: str = "") -> str | None:
    """Return ``address`` as the list stores it; None if it is not one of the channel. ``country`` is the brand's."""
    usable = channel.typed(address, country)
    return None if usable is None else channel.suppression_form(usable)


def would_change(database: Transactions, channel: str, forms: Sequence[str], *, add: bool) -> ListChange:
    """Return what ``add`` or ``remove`` would do. Nothing is written."""
    with database.read() as connection:
        there = len(listed(connection, channel, forms))
    absent = len(forms) - there
    changed, same = (absent, there) if add else (there, absent)
    return ListChange(channel, changed, same, None, dry_run=True)


def add(database: Transactions, channel: str, forms: Sequence[str], hand: Hand, now: Instant) -> ListChange:
    """Add addresses to the list: no message goes to them from then on, whatever its class."""

    def work(connection: Connection) -> ListChange:
        by = record(connection, hand, _ADD, f"channel {channel}", now)
        new = suppress(
            connection, channel, [SuppressionRow(form, BY_HAND) for form in forms], BY_HAND, intervention=by, now=now
        )
        add_count(connection, by, new)
        return ListChange(channel, new, len(forms) - new, by)

    planned = would_change(database, channel, forms, add=True)
    return database.in_transaction(work) if planned.changed else ListChange(channel, 0, planned.same, None)


def remove(database: Transactions, channel: str, forms: Sequence[str], hand: Hand, now: Instant) -> ListChange:
    """Remove addresses from the list: messages that were refused stay refused, later ones are sent."""

    def work(connection: Connection) -> ListChange:
        by = record(connection, hand, _REMOVE, f"channel {channel}", now)
        lifted = lift(connection, channel, forms, by, now)
        add_count(connection, by, lifted)
        return ListChange(channel, lifted, len(forms) - lifted, by)

    planned = would_change(database, channel, forms, add=False)
    return database.in_transaction(work) if planned.changed else ListChange(channel, 0, planned.same, None)


def import_list(
    database: Database,
    source: Source,
    channel: Channel,
    options: ImportOptions,
    *,
    country: str = "",
    hand: Hand,
    clock: Clock,
    progress: Progress | None = None,
) -> ImportSummary:
    """Add the addresses in a file to the list; an interrupted import goes on where it stopped.

    ``country`` is the brand's, for addresses that are written differently at home.

    Raises:
        InputError: the file cannot be parsed; rows committed before that stay.
    """
    known = SuppressedChannel(channel.name, partial(form_of, channel, country=country), channel.sample)
    write = _ListWriter(channel.name, f"import:{source.name}", hand).write
    return import_suppressions(database, source, known, options, clock, write=write, progress=progress)


class _ListWriter:
    """Writes the chunks of one import under one intervention."""

    def __init__(self, channel: str, source: str, hand: Hand) -> None:
        self._channel = channel
        self._source = source
        self._hand = hand
        self._by: int | None = None

    def write(self, connection: Connection, _dialect: Dialect, rows: Sequence[SuppressionRow], now: Instant) -> Written:
        """Write one chunk."""
        if not rows:
            return Written(0, 0, 0)
        by = self._intervention(connection, now)
        new = suppress(connection, self._channel, rows, self._source, intervention=by, now=now)
        add_count(connection, by, new)
        return Written(new, 0, len(rows) - new)

    def _intervention(self, connection: Connection, now: Instant) -> int:
        """Return the intervention; made in the first chunk, and again if the database undid that one."""
        found = text("SELECT 1 FROM intervention WHERE id = :by")
        if self._by is None or connection.execute(found, {"by": self._by}).first() is None:
            self._by = record(connection, self._hand, _IMPORT, f"channel {self._channel}", now)
        return self._by


def _undo_adding(connection: Connection, done: PastIntervention, _by: int, _now: Instant, limit: int) -> int:
    return take_back(connection, done.id, limit)


def _undo_removing(connection: Connection, done: PastIntervention, by: int, _now: Instant, limit: int) -> int:
    return restore(connection, done.id, by, limit)


def _counting(
    count: Callable[[Connection, int], int],
) -> Callable[[Connection, PastIntervention, Instant], int]:
    return lambda connection, done, _now: count(connection, done.id)


UNDO_SUPPRESSING = (
    Undoer(_ADD, _undo_adding, _counting(count_suppressed_by)),
    Undoer(_IMPORT, _undo_adding, _counting(count_suppressed_by)),
    Undoer(_REMOVE, _undo_removing, _counting(count_lifted_by)),
)
"""What was added is removed, what was removed is added, with its date and reason."""
