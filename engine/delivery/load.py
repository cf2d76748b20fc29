"""Loading the data of claimed actions: one statement per batch, and one for each gate with a query of its own.

A row that cannot be read (broken text, broken JSON) does not affect others: if the database rejects a value, the batch
is halved until the row is found. Any other exception is a bug and is not blamed on a row.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, text

from engine.actions.claims import Claim
from engine.actions.send_keys import stored_key
from engine.channels import CHANNELS
from engine.channels.base import Channel, by_name
from engine.content.value_types import ValueType
from engine.delivery.devices import DeviceUse, Platforms, address_columns
from engine.delivery.gates.base import Columns, Gate, Lookup
from engine.delivery.identity import MessageKeys, to_device
from engine.delivery.kept_templates import TemplateNeeds, TemplatesInUse
from engine.delivery.pending_message import Coupon, MessageDevice, MessageOccasion, PendingMessage
from engine.delivery.selecting import ActionRow, AddressColumns, BatchQuery, ReadAction
from engine.errors import BadRow
from engine.faults import trail
from engine.incentives.form import CouponSection
from engine.incentives.kept import KeptCoupons
from engine.store.data_errors import is_data_error
from engine.store.database import Database
from engine.store.dialects import Dialect
from engine.store.rowset import pack, rowset


@dataclass(frozen=True, slots=True)
class LoadedAction:
    """One message, and the value that each gate loaded for it, in the order of the gates."""

    message: PendingMessage
    inputs: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A claimed action whose rows cannot be read. ``detail`` describes the error without any stored value."""

    claim: Claim
    detail: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """A batch of claimed actions with their data. The users of ``missing`` no longer exist."""

    actions: tuple[LoadedAction, ...] = ()
    missing: tuple[Claim, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    def __add__(self, other: "LoadedBatch") -> "LoadedBatch":
        """Return both batches as one."""
        return LoadedBatch(
            self.actions + other.actions, self.missing + other.missing, self.unreadable + other.unreadable
        )

    def __len__(self) -> int:
        return len(self.actions) + len(self.missing) + len(self.unreadable)


class _Reading:
    """How batches are read for templates with the same needs."""

    def __init__(
        self,
        dialect: Dialect,
        needs: TemplateNeeds,
        gates: Sequence[Gate[Any]],
        addresses: Mapping[str, AddressColumns],
    ) -> None:
        self.needs = needs
        self._names = tuple(needs.facts)
        self._booleans = frozenset(name for name, kind in needs.facts.items() if kind is ValueType.BOOLEAN)
        self._queries = {name: BatchQuery(dialect, one, self._names, gates) for name, one in addresses.items()}
        self._no_channel = BatchQuery(dialect, AddressColumns(), self._names, gates)

    def fetch(
        self, connection: Connection, channel: str, claims: Sequence[Claim], seen_since: int
    ) -> dict[int, ReadAction]:
        """Return the data of ``claims`` by action id; see ``BatchQuery``."""
        return self._queries.get(channel, self._no_channel).fetch(connection, claims, seen_since)

    def facts(self, read: ReadAction) -> dict[str, object]:
        """Return the facts of an action's user, as templates read them."""
        return fact_values(self._names, self._booleans, read.facts)

    def event(self, row: ActionRow) -> dict[str, object]:
        """Return the event that triggered the action's enrolment, as templates read it."""
        declared = self.needs.events.get(row.event_name or "", ())
        return event_values(row.event_name, row.event_at, row.event_amount, row.event_properties, declared)


class Loader:
    """Loads messages, and the data that gates need for them, from the store.

    If a message needs a template that is gone from the files, the kept one is read first (see ``kept_templates``).
    """

    def __init__(
        self,
        database: Database,
        templates: TemplatesInUse,
        gates: Sequence[Gate[Any]],
        keys: MessageKeys,
        channels: Sequence[Channel] = CHANNELS,
        *,
        devices: DeviceUse,
        platforms: Mapping[str, Platforms] | None = None,
        coupons: Mapping[str, CouponSection] | None = None,
    ) -> None:
        """``platforms`` are those that each channel's adapters serve; a channel that it does not name serves any.

        ``coupons`` are those of the files; those that are gone are read when needed.
        """
        self._devices = devices
        self._addresses = {
            one.name: address_columns(one, database.dialect, (platforms or {}).get(one.name)) for one in channels
        }
        self._coupons = KeptCoupons(coupons or {})
        self._database = database
        self._templates = templates
        self._keys = keys
        self._gates = gates
        self._converts = [gate.needs.read if isinstance(gate.needs, Columns) else None for gate in gates]
        self._channels = by_name(channels)
        self._reading = self._make_reading(templates.current.needs)
        ids = rowset(database.dialect, "rows", id="BIGINT")
        self._expiries = text(f"SELECT a.expires_at FROM {ids} AS r JOIN action AS a ON a.id = r.id")

    def _make_reading(self, needs: TemplateNeeds) -> _Reading:
        return _Reading(self._database.dialect, needs, self._gates, self._addresses)

    def load(self, channel: str, claims: Sequence[Claim]) -> LoadedBatch:
        """Return the data of ``claims``, all of one channel, in the given order."""
        self._keys.prepare()
        try:
            return self._load(channel, claims)
        except Exception as error:
            if not is_data_error(error):
                raise
            if len(claims) == 1:
                return LoadedBatch(unreadable=(self._unreadable(claims[0], error),))
        middle = len(claims) // 2
        return self.load(channel, claims[:middle]) + self.load(channel, claims[middle:])

    def _read(
        self, connection: Connection, channel: str, claims: Sequence[Claim]
    ) -> tuple[_Reading, dict[int, ReadAction]]:
        """Return the data of ``claims``, with what templates need that only now turned out to be needed."""
        reading, seen_since = self._reading, self._devices.seen_since
        found = reading.fetch(connection, channel, claims, seen_since)
        wanted = {(read.row.template or "", read.row.locale or "") for read in found.values()}
        needs = self._templates.complete(connection, channel, wanted).needs
        if needs is not reading.needs:
            reading = self._reading = self._make_reading(needs)
            found = reading.fetch(connection, channel, claims, seen_since)
        return reading, found

    def _read_coupons(self, connection: Connection, found: Iterable[ReadAction]) -> None:
        """Read the coupons that are gone from the files."""
        for name in {read.row.coupon_name for read in found if read.row.coupon_code and read.row.coupon_name}:
            self._coupons.get(connection, name)

    def _load(self, channel: str, claims: Sequence[Claim]) -> LoadedBatch:
        loaded: list[tuple[PendingMessage, list[object]]] = []
        unreadable: list[Unreadable] = []
        with self._database.read() as connection:
            reading, found = self._read(connection, channel, claims)
            self._read_coupons(connection, found.values())
            for claim in claims:
                if (read := found.get(claim.action_id)) is None:
                    continue
                try:
                    loaded.append((self._message(channel, claim, read, reading), self._read_columns(read)))
                except (BadRow, orjson.JSONDecodeError) as error:
                    unreadable.append(Unreadable(claim, _detail(error), read.row.expires_at))
            self._look_up(connection, loaded)
        actions = tuple(LoadedAction(message, tuple(inputs)) for message, inputs in loaded)
        missing = tuple(claim for claim in claims if claim.action_id not in found)
        return LoadedBatch(actions, missing, tuple(unreadable))

    def _read_columns(self, read: ReadAction) -> list[object]:
        """Return the inputs of the gates; None for those without columns."""
        return [
            None if convert is None else convert(row)
            for convert, row in zip(self._converts, read.of_gates, strict=True)
        ]

    def _look_up(self, connection: Connection, loaded: Sequence[tuple[PendingMessage, list[object]]]) -> None:
        """Put the values of the gates that read with a statement of their own into their places among the inputs."""
        messages = [message for message, _ in loaded]
        for place, gate in enumerate(self._gates):
            if messages and isinstance(gate.needs, Lookup):
                values, otherwise = gate.needs.load(connection, messages), gate.needs.otherwise
                for message, inputs in loaded:
                    inputs[place] = values.get(message.action_id, otherwise)

    def _unreadable(self, claim: Claim, error: Exception) -> Unreadable:
        with self._database.read() as connection:
            expires_at = connection.execute(self._expiries, {"rows": pack([[claim.action_id]])}).scalar_one()
        return Unreadable(claim, _detail(error), int(expires_at))

    def _message(self, channel: str, claim: Claim, read: ReadAction, reading: _Reading) -> PendingMessage:
        row, known = read.row, self._channels.get(channel)
        attempt = row.attempt if row.device_id is None else to_device(channel, row.address or "")
        recipient = known.usable(row.address) if known and row.address else None
        return PendingMessage(
            action_id=claim.action_id,
            fence=claim.fence,
            key=self._keys.key(row.playbook, row.user_key, row.occasion, row.step, attempt),
            enrolment_id=row.enrolment_id,
            step=row.step,
            attempt=row.attempt,
            user_id=row.user_id,
            user_key=row.user_key,
            playbook=row.playbook,
            message_class=row.message_class,
            channel=channel,
            next_channels=tuple(row.next_channels.split(",")) if row.next_channels else (),
            template=row.template or "",
            coupon_name=row.coupon_name,
            expires_at=row.expires_at,
            tries=row.tries,
            address=row.address,
            recipient=recipient,
            locale=row.locale,
            timezone=row.timezone,
            coupon=self._coupon(row) if row.coupon_code else None,
            event=reading.event(row) if row.event_name is not None else None,
            facts=reading.facts(read),
            suppression_form=known.suppression_form(recipient) if known and recipient else None,
            occasion=_occasion(row),
            adapter=row.adapter,
            send_key=stored_key(row.send_key, row.send_key_until, row.in_doubt_since),
            device=_device(row),
            unserved=bool(row.unserved),
        )

    def _coupon(self, row: ActionRow) -> Coupon:
        return Coupon(row.coupon_code or "", row.coupon_expires_at, self._coupons.worth(row.coupon_name or ""))


def _device(row: ActionRow) -> MessageDevice | None:
    if row.device_id is None:
        return None
    return MessageDevice(row.device_id, row.device_platform or "", row.bound_to is not None)


def _occasion(row: ActionRow) -> MessageOccasion | None:
    if row.occurrence is None or row.trigger_at is None:
        return None
    return MessageOccasion(row.occurrence, row.trigger_at)


def fact_values(names: Sequence[str], booleans: Collection[str], values: Sequence[object]) -> dict[str, object]:
    """Return facts as templates read them, from columns of ``user_state``; SQLite stores booleans as numbers."""
    facts = dict(zip(names, values, strict=True))
    for name in booleans:
        value = facts[name]
        facts[name] = None if value is None else bool(value)
    return facts


def event_values(
    name: str | None,
    at: int | None,
    amount: int | None,
    properties: Any,  # noqa: ANN401 - a mapping, or its JSON
    declared: Iterable[str],
) -> dict[str, object]:
    """Return an event as templates read it; declared properties that it does not have are None.

    Raises:
        BadRow: the properties are not a JSON object.
    """
    if isinstance(properties, (str, bytes)):
        properties = orjson.loads(properties)
    if properties is not None and not isinstance(properties, Mapping):
        raise BadRow("event.properties is not a JSON object")
    return {
        "name": name,
        "at": at,
        **dict.fromkeys(declared, None),
        **({} if amount is None else {"amount": amount}),
        **(properties or {}),
    }


def _detail(error: Exception) -> str:
    """Describe what is wrong with a row, without the text of other exceptions, which may contain its values."""
    return str(error) if isinstance(error, BadRow) else trail(error)
