"""Converting batches of a file of events to rows for the store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import cast

import orjson

from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.intake.files.options import ImportOptions
from engine.intake.files.plan import EVENT_NAMES, Plan, make_plan, require, snake
from engine.intake.files.records import Batch, Rejected
from engine.intake.rows.bulk import Bulk, bulk_identifiers, bulk_instants, bulk_money
from engine.intake.rows.contact import identifier
from engine.intake.rows.convert import Bad, Cell, Converter, Parse, bad_rows, keep
from engine.intake.rows.device_rows import DEVICE_SEEN, device_mistake
from engine.intake.rows.keys import Ordinals, row_digest
from engine.intake.rows.model import EventTuple, Json
from engine.intake.rows.values import PARSERS, Conventions, parse_instant, parse_integer, parse_money

_Columns = Mapping[str, Sequence[Json]]


@dataclass(frozen=True, slots=True)
class _Cells:
    """The converted columns of a batch."""

    keys: Sequence[Cell]
    users: Sequence[Cell]
    names: Sequence[Cell]
    ats: Sequence[Cell]
    amounts: Sequence[Cell]
    properties: Mapping[str, Sequence[Cell]]

    def bad(self) -> dict[int, Bad]:
        found = bad_rows([self.users, self.names, self.ats, self.keys, self.amounts, *self.properties.values()])
        for what, cells in (("user", self.users), ("event name", self.names), ("time", self.ats)):
            if None in cells:
                remedy = f"fill in the {what}"
                for index, cell in enumerate(cells):
                    if cell is None:
                        found.setdefault(index, Bad(f"no {what}", remedy))
        return found


class EventRows:
    """Converts the batches of one file, in their order."""

    def __init__(self, declared: Declared, options: ImportOptions, header: Sequence[str]) -> None:
        """``header`` has the file's columns; it is empty for JSON, whose columns come with its records.

        Raises:
            InputError: no column has the user, the name or the time, or a column given with ``--map`` does not exist.
        """
        self.plan = Plan({}, {}, ())
        """The meaning of the latest batch's columns."""
        self.names: Counter[str] = Counter()
        """How many rows each event had."""
        self.first_at: int | None = None
        self.last_at: int | None = None
        self._declared, self._options, self._header = declared, options, header
        self._properties = {name for types in declared.events.values() for name in types}
        self._reading = Conventions(
            options.zone, options.date_format, options.decimal, declared.currency_scale, declared.currency
        )
        self._converters: dict[tuple[str, ValueType | None], Converter] = {}
        self._snaked = {snake(name): name for name in declared.events}
        self._checked = False
        if header:
            self._replan(header)
        self._ordinals = Ordinals()

    def close(self) -> None:
        """Release what was remembered of the file."""
        self._ordinals.close()

    def rows(self, batch: Batch) -> tuple[list[EventTuple], list[Rejected]]:
        """Return the rows to import, and the rejected ones."""
        size = len(batch.lines)
        if not size:
            return [], []
        if not self._header:
            self._replan(list(batch.columns))
        fields, others = self._raw(batch, size)
        cells = self._cells(fields, others)
        bad = cells.bad()
        if DEVICE_SEEN in cells.names:
            bad = {**_bad_devices(cells), **bad}
        good = [index not in bad for index in range(size)] if bad else None
        keys = self._keys(cells, fields, others, good)
        columns = (keys, cells.users, cells.names, cells.ats, cells.amounts, self._json(cells, others, size))
        rows = zip(*columns, strict=True)
        taken = cast("list[EventTuple]", list(compress(rows, good) if good else rows))
        self._note(taken)
        rejected = [Rejected(batch.lines[i], bad[i].reason, bad[i].remedy, batch.originals[i]) for i in sorted(bad)]
        return taken, rejected

    def _note(self, rows: Sequence[EventTuple]) -> None:
        if rows:
            self.names.update([row[2] for row in rows])
            ats = [row[3] for row in rows]
            self.first_at = min(ats) if self.first_at is None else min(self.first_at, *ats)
            self.last_at = max(ats) if self.last_at is None else max(self.last_at, *ats)

    def _replan(self, columns: Sequence[str]) -> None:
        self.plan = make_plan(columns, EVENT_NAMES, self._properties, self._options)
        if not self._checked:
            require(self.plan, ("user", "name", "at"), self._options, columns)
            self._checked = True

    def _raw(self, batch: Batch, size: int) -> tuple[_Columns, _Columns]:
        """Return the raw columns by target: the fields of an event, and its other properties."""
        absent: Sequence[Json] = [""] * size
        fields = dict.fromkeys(EVENT_NAMES, absent)
        fields |= {target: batch.columns.get(column, absent) for target, column in self.plan.fields.items()}
        others = {name: batch.columns.get(column, absent) for name, column in self.plan.others.items()}
        for target, value in self._options.constants.items():
            (fields if target in EVENT_NAMES else others)[target] = [value] * size
        return fields, others

    def _cells(self, fields: _Columns, others: _Columns) -> _Cells:
        texts = bool(self._header)
        names = self._converter("name").column(fields["name"], texts=texts)
        return _Cells(
            self._converter("key").column(fields["key"], texts=texts),
            self._converter("user").column(fields["user"], texts=texts),
            names,
            self._converter("at").column(fields["at"], texts=texts),
            self._typed("amount", fields["amount"], names),
            {name: self._typed(name, values, names) for name, values in sorted(others.items())},
        )

    def _typed(self, name: str, values: Sequence[Json], names: Sequence[Cell]) -> list[Cell]:
        """Convert a property, whose type can depend on the event."""
        types = {event: self._type(event, name) for event in set(names)}
        if len(set(types.values())) == 1:
            (only,) = set(types.values())
            return self._converter(name, only, is_property=True).column(values, texts=bool(self._header))
        return [
            self._converter(name, types[event], is_property=True).one(value)
            for event, value in zip(names, values, strict=True)
        ]

    def _type(self, event: Cell, name: str) -> ValueType | None:
        return self._declared.events.get(event, {}).get(name) if isinstance(event, str) else None

    def _converter(self, name: str, kind: ValueType | None = None, *, is_property: bool = False) -> Converter:
        place = (f".{name}" if is_property else name, kind)
        if place not in self._converters:
            parse, bulk = _property(name, kind) if is_property else self._field(name)
            self._converters[place] = Converter(name, parse, self._reading, bulk=bulk)
        return self._converters[place]

    def _field(self, name: str) -> tuple[Parse, Bulk | None]:
        if name == "name":
            return self._event_name, None
        return (parse_instant, bulk_instants) if name == "at" else (identifier, bulk_identifiers)

    def _event_name(self, value: Json, reading: Conventions) -> str:
        """Return the event's name; ``Order Completed`` is the declared ``order_completed``."""
        name = identifier(value, reading)
        return name if name in self._declared.events else self._snaked.get(snake(name), name)

    def _json(self, cells: _Cells, others: _Columns, size: int) -> Sequence[str | None]:
        """Return each row's properties as a JSON object; equal rows are converted once."""
        if not others:
            return [None] * size
        names = tuple(cells.properties)
        rows = zip(*cells.properties.values(), strict=True)
        if self._header:
            # The key has the texts, because they distinguish 1 from true, and the event, which determines types.
            written = list(zip(cells.names, *others.values(), strict=True))
            alike = dict(zip(written, rows, strict=True))
            made = {texts: _json(names, values) for texts, values in alike.items()}
            return list(map(made.__getitem__, written))
        return [_json(names, values) for values in rows]

    def _keys(self, cells: _Cells, fields: _Columns, others: _Columns, good: Sequence[bool] | None) -> Sequence[Cell]:
        """Return the key of each row: its own, or one derived from the row's original text.

        The original text, because declared types can change between two imports of the same file.
        """
        if None not in cells.keys:
            return cells.keys
        said = {**others, "amount": fields["amount"]}
        told = zip(cells.users, fields["name"], cells.ats, *said.values(), strict=True)
        wanted = [key is None and (good is None or good[index]) for index, key in enumerate(cells.keys)]
        digests = [
            row_digest((user, name, at, {what: value for what, value in zip(said, rest, strict=True) if value != ""}))
            for user, name, at, *rest in compress(cast("Sequence[tuple[Json, ...]]", list(told)), wanted)
        ]
        made = iter(self._ordinals.keys(digests))
        return [next(made) if is_wanted else key for key, is_wanted in zip(cells.keys, wanted, strict=True)]


def _bad_devices(cells: _Cells) -> dict[int, Bad]:
    """Return what is wrong with events that tell of a device."""
    found = {}
    for index, name in enumerate(cells.names):
        if name == DEVICE_SEEN:
            said = {what: values[index] for what, values in cells.properties.items()}
            mistake = device_mistake(said)
            if mistake is not None:
                found[index] = mistake
    return found


def _property(name: str, kind: ValueType | None) -> tuple[Parse, Bulk | None]:
    if kind is ValueType.MONEY or (name == "amount" and kind is None):
        return parse_money, bulk_money
    if name == "amount":
        # Its column stores whole numbers; an undeclared amount is money.
        return parse_integer, None
    if kind is ValueType.INSTANT:
        return parse_instant, bulk_instants
    return (keep if kind is None else PARSERS[kind]), None


def _json(names: Sequence[str], values: Iterable[Cell]) -> str | None:
    """Return a row's properties as a JSON object; None if it has none."""
    said = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    return orjson.dumps(said).decode() if said else None
