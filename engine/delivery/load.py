"""Loading what claimed actions are about: one statement for a batch, one for its suppressed addresses.

A row that cannot be read (broken text, broken JSON) is found by halving the batch, and spoils no other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError

from engine.actions.claims import Claim
from engine.channels import CHANNELS
from engine.channels.base import Channel, by_name
from engine.content.kinds import FactType
from engine.content.values import Window, parse_window
from engine.delivery.candidate import Candidate, Coupon
from engine.facts.catalog import FactCatalog
from engine.messages.templates import TemplateLibrary
from engine.playbooks.reasons import Reason
from engine.store.database import Database
from engine.store.dialect import Dialect
from engine.store.rowset import pack, rowset

_LEFT = frozenset({Reason.EXIT_EVENT.value, Reason.EXIT_CONDITION.value})
"""Why enrolments ended whose unsent messages are called off. Who reached a last or an exit step gets what was due."""


@dataclass(frozen=True)
class Needs:
    """What templates read beyond the user: fact -> type, and event -> its declared properties."""

    facts: Mapping[str, FactType] = field(default_factory=dict)
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)


def needs_of(catalog: FactCatalog, library: TemplateLibrary) -> Needs:
    """Return the declared facts that any template reads, and the properties of all declared events."""
    read = {variable.name for name, channel in library.names() for variable in library.variables(name, channel)}
    if "facts" in read:  # a template loops over them all
        wanted = set(catalog.facts)
    else:
        wanted = {name.split(".")[1] for name in read if name.startswith("facts.")}
    facts = {name: fact.type for name, fact in catalog.facts.items() if name in wanted}
    return Needs(facts, {name: tuple(properties) for name, properties in catalog.events.items()})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A batch as it was read. ``missing`` have no user any more, ``unreadable`` have a row that cannot be read."""

    candidates: tuple[Candidate, ...]
    missing: tuple[Claim, ...] = ()
    unreadable: tuple[Claim, ...] = ()


class Loader:
    """Reads candidates from the store."""

    def __init__(self, database: Database, needs: Needs, channels: Sequence[Channel] = CHANNELS) -> None:
        self._database = database
        self._needs = needs
        self._fact_names = tuple(needs.facts)
        self._booleans = frozenset(name for name, kind in needs.facts.items() if kind is FactType.BOOLEAN)
        self._channels = by_name(channels)
        dialect = database.dialect
        self._selects = {
            channel.name: text(_select_sql(dialect, self._fact_names, channel.address.sql(dialect)))
            for channel in channels
        }
        self._select_unaddressed = text(_select_sql(dialect, self._fact_names, "NULL"))
        addresses = rowset(database.dialect, "rows", address="TEXT")
        self._suppressed = text(
            "SELECT p.address FROM suppression AS p "
            f"WHERE p.channel = :channel AND p.address IN (SELECT r.address FROM {addresses} AS r)"
        )

    def load(self, channel: str, claims: Sequence[Claim]) -> Loaded:
        """Return what ``claims``, all of one channel, are about, in their order."""
        try:
            return self._load(channel, claims)
        except Exception as error:
            if not _is_poison(error):
                raise
        if len(claims) == 1:
            return Loaded((), unreadable=tuple(claims))
        middle = len(claims) // 2
        first, second = self.load(channel, claims[:middle]), self.load(channel, claims[middle:])
        return Loaded(
            first.candidates + second.candidates,
            first.missing + second.missing,
            first.unreadable + second.unreadable,
        )

    def _load(self, channel: str, claims: Sequence[Claim]) -> Loaded:
        with self._database.read() as connection:
            select = self._selects.get(channel, self._select_unaddressed)
            found = connection.execute(select, {"rows": pack([[claim.action_id] for claim in claims])}).all()
            fixed = {row[0]: (_Fixed._make(row[:_WIDTH]), row[_WIDTH:]) for row in found}
            recipients = {key: self._recipient(channel, row.address) for key, (row, _) in fixed.items()}
            suppressed = self._suppressed_among(connection, channel, recipients.values())
        candidates: list[Candidate] = []
        missing: list[Claim] = []
        for claim in claims:
            if claim.action_id not in fixed:
                missing.append(claim)
                continue
            row, facts = fixed[claim.action_id]
            recipient = recipients[claim.action_id]
            is_suppressed = recipient is not None and self._form(channel, recipient) in suppressed
            candidates.append(
                self._candidate(channel, claim, row, facts, recipient=recipient, suppressed=is_suppressed)
            )
        return Loaded(tuple(candidates), tuple(missing))

    def _suppressed_among(
        self, connection: Connection, channel: str, recipients: Iterable[str | None]
    ) -> frozenset[str]:
        forms = [[self._form(channel, recipient)] for recipient in recipients if recipient]
        if not forms:
            return frozenset()
        return frozenset(connection.scalars(self._suppressed, {"channel": channel, "rows": pack(forms)}))

    def _recipient(self, channel: str, address: str | None) -> str | None:
        return self._channels[channel].usable(address) if address else None

    def _form(self, channel: str, recipient: str) -> str:
        return self._channels[channel].suppression_form(recipient)

    def _candidate(
        self,
        channel: str,
        claim: Claim,
        row: "_Fixed",
        facts: Sequence[object],
        *,
        recipient: str | None,
        suppressed: bool,
    ) -> Candidate:
        return Candidate(
            action_id=claim.action_id,
            fence=claim.fence,
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
            window=_window(row.send_window) if row.send_window else None,
            coupon_name=row.coupon,
            expires_at=row.expires_at,
            tries=row.tries,
            created_at=row.created_at,
            enrolment_open=row.enrolment_state != "cancelled" and row.enrolment_reason not in _LEFT,
            address=row.address,
            recipient=recipient,
            suppressed=suppressed,
            locale=row.locale,
            timezone=row.timezone,
            granted=None if row.granted is None else bool(row.granted),
            coupon=Coupon(row.coupon_code, row.coupon_expires_at) if row.coupon_code else None,
            event=self._event(row) if row.event_name is not None else None,
            facts=fact_values(self._fact_names, self._booleans, facts),
        )

    def _event(self, row: "_Fixed") -> dict[str, object]:
        declared = self._needs.events.get(row.event_name or "", ())
        return event_values(row.event_name, row.event_at, row.event_amount, row.event_properties, declared)


def fact_values(names: Sequence[str], booleans: Collection[str], values: Sequence[object]) -> dict[str, object]:
    """Return facts as templates read them, from columns of ``user_state``: SQLite has numbers for booleans."""
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
    """Return an event as templates read it; properties that are declared and that it lacks are None."""
    if isinstance(properties, (str, bytes)):
        properties = orjson.loads(properties)
    return {
        "name": name,
        "at": at,
        **dict.fromkeys(declared, None),
        **({} if amount is None else {"amount": amount}),
        **(properties or {}),
    }


class _Fixed(NamedTuple):
    """The columns that every batch reads, in the order of ``_COLUMNS``; the facts follow them."""

    action_id: int
    enrolment_id: int
    step: str
    attempt: int
    user_id: int
    playbook: str
    message_class: str
    next_channels: str
    template: str | None
    send_window: str | None
    coupon: str | None
    expires_at: int
    tries: int
    created_at: int
    user_key: str
    address: str | None
    locale: str | None
    timezone: str | None
    granted: bool | None
    coupon_code: str | None
    coupon_expires_at: int | None
    enrolment_state: str | None
    enrolment_reason: str | None
    event_name: str | None
    event_at: int | None
    event_amount: int | None
    event_properties: Any


_COLUMNS = (
    "a.id, a.enrolment_id, a.step, a.attempt, a.user_id, a.playbook, a.class, a.next_channels, a.template, "
    "a.send_window, a.coupon, a.expires_at, a.tries, a.created_at, u.key, {address}, u.locale, "
    "u.timezone, c.granted, k.code, k.expires_at, n.state, n.reason, e.name, e.at, e.amount, e.properties"
)
_WIDTH = len(_Fixed._fields)


@lru_cache(maxsize=256)
def _window(text_of_window: str) -> Window:
    return parse_window(text_of_window)


def _select_sql(dialect: Dialect, facts: Sequence[str], address: str) -> str:
    ids = rowset(dialect, "rows", id="BIGINT")
    listed = "".join(f", s.fact_{name}" for name in facts)
    return (
        f"SELECT {_COLUMNS.format(address=address)}{listed} "
        f"FROM {ids} AS r JOIN action AS a ON a.id = r.id JOIN users AS u ON u.id = a.user_id "
        "LEFT JOIN user_state AS s ON s.user_id = a.user_id "
        "LEFT JOIN enrolment AS n ON n.id = a.enrolment_id "
        "LEFT JOIN event AS e ON e.id = n.event_id "
        "LEFT JOIN consent AS c ON c.user_id = a.user_id AND c.channel = a.channel AND c.class = a.class "
        "LEFT JOIN coupon_code AS k ON k.enrolment_id = a.enrolment_id AND k.coupon = a.coupon"
    )


def _is_poison(error: Exception) -> bool:
    """Tell whether a row is at fault rather than the store: only then may the batch be halved."""
    cause = error.__cause__ if error.__cause__ is not None else error
    if isinstance(cause, DBAPIError):
        # SQLite has no class of its own for text that is none.
        return isinstance(cause, DataError) or "decode" in str(cause.orig).lower()
    return isinstance(error, (ValueError, TypeError, AttributeError))
