"""Converting batches of a file of users to rows for the store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.intake.files.options import ImportOptions
from engine.intake.files.plan import USER_NAMES, Plan, make_plan, require
from engine.intake.files.records import Batch, Rejected
from engine.intake.rows.contact import (
    identifier,
    parse_country,
    parse_email,
    parse_locale,
    parse_phone,
    parse_zone,
)
from engine.intake.rows.convert import CLEAR, Bad, Cell, Clear, Converter, Parse, bad_rows, keep
from engine.intake.rows.device_rows import parse_platform, parse_token
from engine.intake.rows.model import Json, UserRow
from engine.intake.rows.phone import is_international
from engine.intake.rows.values import PARSERS, Conventions, parse_boolean, parse_instant
from engine.intake.write.consents import IMPORTED

_FIELDS: Mapping[str, Parse] = {
    "email": parse_email,
    "phone": parse_phone,
    "push_token": parse_token,
    "push_platform": parse_platform,
    "locale": parse_locale,
    "timezone": parse_zone,
    "country": parse_country,
}
_PARSE: Mapping[str, Parse] = {
    **_FIELDS,
    "key": identifier,
    "created_at": parse_instant,
    "consent_at": parse_instant,
}


class UserRows:
    """Converts the batches of one file."""

    def __init__(self, declared: Declared, options: ImportOptions, header: Sequence[str], source: str) -> None:
        """``header`` has the file's columns; it is empty for JSON, whose columns come with its records.

        Raises:
            InputError: no column has the user's key, or a column given with ``--map`` does not exist.
        """
        self.plan = Plan({}, {}, ())
        """The meaning of the latest batch's columns."""
        self._consents = {f"consent_{one.channel}": one.channel for one in declared.channels}
        aliases = {name: (name, f"{channel}_consent") for name, channel in self._consents.items()}
        self._names = {**USER_NAMES, **aliases}
        self._parse = {**_PARSE, **dict.fromkeys(self._consents, parse_boolean)}
        self._declared, self._options, self._header = declared, options, header
        self._reading = Conventions(
            options.zone,
            options.date_format,
            options.decimal,
            declared.currency_scale,
            declared.currency,
            declared.country,
        )
        self._source = f"{IMPORTED}{source}"
        self._converters: dict[tuple[str, ValueType | None], Converter] = {}
        self._checked = False
        if header:
            self._replan(header)

    def rows(self, batch: Batch) -> tuple[list[UserRow], list[Rejected]]:
        """Return the rows to import, and the rejected ones."""
        size = len(batch.lines)
        if not size:
            return [], []
        if not self._header:
            self._replan(list(batch.columns))
        fields, attributes = self._cells(batch, size)
        bad = bad_rows([*fields.values(), *attributes.values()])
        for index, key in enumerate(fields["key"]):
            if key is None or isinstance(key, Clear):
                bad.setdefault(index, Bad("no key", "fill in the user's key"))
        rows = [
            _row(fields, attributes, index, self._source, self._consents) for index in range(size) if index not in bad
        ]
        rejected = [Rejected(batch.lines[i], bad[i].reason, bad[i].remedy, batch.originals[i]) for i in sorted(bad)]
        return rows, rejected

    def _replan(self, columns: Sequence[str]) -> None:
        wanted = self._declared.attributes.keys() - self._parse.keys()
        self.plan = make_plan(columns, self._names, wanted, self._options)
        if not self._checked:
            require(self.plan, ("key",), self._options, columns)
            self._checked = True

    def _cells(self, batch: Batch, size: int) -> tuple[dict[str, list[Cell]], dict[str, list[Cell]]]:
        absent: Sequence[Json] = [""] * size
        raw = {("", "key"): absent}
        raw |= {("", target): batch.columns.get(column, absent) for target, column in self.plan.fields.items()}
        raw |= {("attribute", name): batch.columns.get(column, absent) for name, column in self.plan.others.items()}
        for target, value in self._options.constants.items():
            raw["" if target in self._names else "attribute", target] = [value] * size
        texts = bool(self._header)
        cells = {place: self._converter(*place).column(values, texts=texts) for place, values in raw.items()}
        if ("", "phone") in cells and ("", "country") in cells:
            self._read_where_they_live(raw["", "phone"], cells["", "country"], cells["", "phone"])
        return (
            {name: column for (kind, name), column in cells.items() if not kind},
            {name: column for (kind, name), column in cells.items() if kind},
        )

    def _read_where_they_live(self, raw: Sequence[Json], countries: Sequence[Cell], phones: list[Cell]) -> None:
        """Read the national numbers again that users of another country than the brand's have."""
        for index, (said, country) in enumerate(zip(raw, countries, strict=True)):
            if not said or not isinstance(country, str) or country == self._reading.country:
                continue
            if not is_international(str(said)):
                reading = replace(self._reading, country=country)
                phones[index] = Converter("phone", parse_phone, reading, null=CLEAR).one(said)

    def _converter(self, kind: str, name: str) -> Converter:
        declared = self._declared.attributes.get(name) if kind else None
        if (name, declared) not in self._converters:
            parse = (PARSERS[declared] if declared else keep) if kind else self._parse[name]
            self._converters[name, declared] = Converter(name, parse, self._reading, null=CLEAR)
        return self._converters[name, declared]


def _row(
    fields: Mapping[str, Sequence[Cell]],
    attributes: Mapping[str, Sequence[Cell]],
    index: int,
    source: str,
    consents: Mapping[str, str],
) -> UserRow:
    """Build one row from valid cells."""
    said = {name: column[index] for name, column in fields.items() if column[index] is not None}
    texts = {name: "" if said[name] is CLEAR else said[name] for name in _FIELDS if name in said}
    times = {name: said[name] for name in ("created_at", "consent_at") if isinstance(said.get(name), int)}
    return UserRow(
        key=str(said["key"]),
        **texts,  # type: ignore[arg-type]
        **times,  # type: ignore[arg-type]
        attributes={
            name: None if cell is CLEAR else cell  # type: ignore[misc]
            for name, column in attributes.items()
            if (cell := column[index]) is not None
        },
        consents={
            channel: granted for name, channel in consents.items() if isinstance(granted := said.get(name), bool)
        },
        source=source,
    )
