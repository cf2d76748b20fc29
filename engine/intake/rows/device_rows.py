"""Converting batches of a file of devices to rows for the store, and the events that tell of a device."""

from collections.abc import Mapping, Sequence

import orjson

from engine.content.findings import did_you_mean
from engine.intake.files.options import ImportOptions
from engine.intake.files.plan import Plan, make_plan, require
from engine.intake.files.records import Batch, Rejected
from engine.intake.rows.contact import identifier, one_line, parse_locale
from engine.intake.rows.convert import Bad, Cell, Clear, Converter, Parse, bad_rows
from engine.intake.rows.model import DeviceRow, EventTuple, Json
from engine.intake.rows.values import BadValue, Conventions, parse_instant
from engine.store.devices import PLATFORMS, UNKNOWN

DEVICE_SEEN = "device_seen"
"""The event that tells that a user was seen with a device."""
TOKEN, PLATFORM, LOCALE = "device_token", "device_platform", "device_locale"
"""The properties of that event. The token is not kept with the event."""
LONGEST_TOKEN = 2_000
"""Maximum number of octets of a token: it has to fit into an index."""
DEVICE_NAMES: Mapping[str, Sequence[str]] = {
    "key": ("key", "user", "user_key", "user_id", "userid", "customer", "customer_key", "customer_id", "member_id",
            "external_id"),
    "token": ("token", "device_token", "push_token", "registration_token", "registration_id"),
    "platform": ("platform", "device_platform", "device_type", "type", "os"),
    "locale": ("locale", "device_locale", "language", "lang"),
    "last_seen": ("last_seen", "last_seen_at", "seen_at", "updated_at", "at", "timestamp"),
}  # fmt: skip
_ALIASES = {"iphone": "ios", "ipados": "ios", "ipad": "ios", "browser": "web", "webpush": "web", "web_push": "web"}


def parse_token(value: Json, reading: Conventions) -> str:
    """Return a device's token: one line, not too long. A browser's subscription may be given as it is, not as text."""
    token = one_line(orjson.dumps(value).decode() if isinstance(value, dict) else value, reading)
    if len(token.encode()) > LONGEST_TOKEN:
        raise BadValue(f"longer than {LONGEST_TOKEN} octets", "write the token that the platform issued")
    return token


def parse_platform(value: Json, reading: Conventions) -> str:
    """Return the platform of a device, ``android``, ``ios``, ``web`` or ``unknown``."""
    said = one_line(value, reading).strip().lower()
    platform = _ALIASES.get(said, said)
    if platform not in {*PLATFORMS, UNKNOWN}:
        raise BadValue("not a platform", f"write {', '.join(PLATFORMS)} or {UNKNOWN}{did_you_mean(said, PLATFORMS)}")
    return platform


_PARSE: Mapping[str, Parse] = {
    "key": identifier,
    "token": parse_token,
    "platform": parse_platform,
    "locale": parse_locale,
    "last_seen": parse_instant,
}
_REQUIRED = {"key": "fill in the user's key", "token": "fill in the token", "platform": "fill in the platform"}


class DeviceRows:
    """Converts the batches of one file."""

    def __init__(self, options: ImportOptions, header: Sequence[str], source: str) -> None:
        """``header`` has the file's columns; it is empty for JSON, whose columns come with its records.

        Raises:
            InputError: no column has the user's key, the token or the platform, or a column given with ``--map`` does
                not exist.
        """
        self.plan = Plan({}, {}, ())
        """The meaning of the latest batch's columns."""
        self._options, self._header, self._source = options, header, source
        reading = Conventions(options.zone, options.date_format, options.decimal)
        self._converters = {name: Converter(name, parse, reading) for name, parse in _PARSE.items()}
        self._checked = False
        if header:
            self._replan(header)

    def rows(self, batch: Batch) -> tuple[list[DeviceRow], list[Rejected]]:
        """Return the rows to import, and the rejected ones."""
        if not batch.lines:
            return [], []
        if not self._header:
            self._replan(list(batch.columns))
        cells = {name: self._column(name, batch) for name in DEVICE_NAMES}
        bad = bad_rows(list(cells.values()))
        for name, remedy in _REQUIRED.items():
            for index, cell in enumerate(cells[name]):
                if cell is None or isinstance(cell, Clear):
                    bad.setdefault(index, Bad(f"no {name}", remedy))
        rows = [self._row(cells, index) for index in range(len(batch.lines)) if index not in bad]
        return rows, [Rejected(batch.lines[i], bad[i].reason, bad[i].remedy, batch.originals[i]) for i in sorted(bad)]

    def _replan(self, columns: Sequence[str]) -> None:
        found = make_plan(columns, DEVICE_NAMES, (), self._options)
        # Whatever else the file has is not kept.
        self.plan = Plan(found.fields, {}, (*found.ignored, *found.others.values()))
        if not self._checked:
            require(self.plan, tuple(_REQUIRED), self._options, columns)
            self._checked = True

    def _column(self, name: str, batch: Batch) -> list[Cell]:
        size = len(batch.lines)
        given = self._options.constants.get(name)
        absent: Sequence[Json] = [""] * size
        values = [given] * size if given is not None else batch.columns.get(self.plan.fields.get(name, ""), absent)
        return self._converters[name].column(values, texts=bool(self._header))

    def _row(self, cells: Mapping[str, Sequence[Cell]], index: int) -> DeviceRow:
        locale, seen_at = cells["locale"][index], cells["last_seen"][index]
        return DeviceRow(
            user=str(cells["key"][index]),
            token=str(cells["token"][index]),
            platform=str(cells["platform"][index]),
            locale=locale if isinstance(locale, str) else None,
            seen_at=seen_at if isinstance(seen_at, int) else None,
            source=self._source,
        )


def device_mistake(properties: Mapping[str, object]) -> Bad | None:
    """Return what is wrong with the properties of an event that tells of a device; None if nothing is."""
    reading = Conventions()
    for name, parse in ((TOKEN, parse_token), (PLATFORM, parse_platform)):
        said = properties.get(name)
        if said is None or said == "":
            return Bad(f"no {name}", f"the event {DEVICE_SEEN} needs {TOKEN} and {PLATFORM}")
        try:
            parse(said, reading)  # type: ignore[arg-type]
        except BadValue as error:
            return Bad(f"{name}: {error.reason}", error.remedy)
    return None


def device_of(event: EventTuple) -> tuple[DeviceRow, EventTuple]:
    """Return the device of which an event tells, and the event as it is kept, without the token.

    Raises:
        BadValue: the event does not say which device it is; ``device_mistake`` says it before.
    """
    key, user, name, at, amount, written = event
    said = orjson.loads(written) if written else {}
    token, reading = said.pop(TOKEN, None), Conventions()
    locale = said.get(LOCALE)
    device = DeviceRow(
        user,
        parse_token(token, reading),
        parse_platform(said.get(PLATFORM), reading),
        _locale(locale, reading),
        at,
        f"event:{DEVICE_SEEN}",
    )
    return device, (key, user, name, at, amount, orjson.dumps(said).decode() if said else None)


def _locale(said: Json, reading: Conventions) -> str | None:
    """Return the language of a device; one that cannot be read is not known."""
    try:
        return parse_locale(said, reading) if said else None
    except BadValue:
        return None
