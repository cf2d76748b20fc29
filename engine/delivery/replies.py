"""What people write back to messages: STOP and its kin refuse for everybody with the number, START takes that back.

A reply refuses as an unsubscribe link does: for each user with the number, and for the number itself, so that another
record of it is not written to either. Everything else is counted, but not kept: it is personal, and nobody asked for it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, text

from adapters.base import IncomingText
from engine.actions.content import clean
from engine.channels.base import Channel, channel_addresses
from engine.clock import Instant
from engine.intake.write.consents import Statement, Word, write_statements
from engine.intake.write.given_back import REPLIED, give_back
from engine.intake.write.refusals import admit_address, refuse_address, write_refusals
from engine.settings import Settings
from engine.store.dialects import Dialect
from engine.store.due import Cause
from engine.store.news import add_news
from engine.store.rowset import pack, rowset
from engine.text_messages import Meaning

_LONGEST = 400
"""How many characters of a reference are kept, so that it fits into an index."""
_log = structlog.get_logger("habitue.replies")


@dataclass(frozen=True, slots=True)
class Heard:
    """How many texts were new, and for how many users or numbers they changed something."""

    new: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class UnderstoodText:
    """A text, understood. ``address`` is None if it cannot be read; ``at`` is never in the future."""

    adapter: str
    reference: str
    address: str | None
    meaning: Meaning
    at: int


class Replies:
    """Writes what people wrote back on one channel."""

    def __init__(self, dialect: Dialect, channel: Channel, settings: Settings) -> None:
        self._dialect = dialect
        self._channel = channel
        self._known = channel_addresses([channel])
        self._keywords = settings.sms.keywords()
        self._classes = settings.sms.stop_refuses
        self._country = settings.brand.country
        told = rowset(dialect, "rows", adapter="TEXT", reference="TEXT", meaning="TEXT", at="BIGINT")
        self._note = text(
            "INSERT INTO reply (adapter, reference, meaning, at) SELECT r.adapter, r.reference, r.meaning, r.at"
            f" FROM {told} AS r WHERE true ORDER BY r.adapter, r.reference ON CONFLICT (adapter, reference) DO NOTHING"
            " RETURNING adapter, reference"
        )
        sought = rowset(dialect, "rows", address="TEXT")
        self._find = text(
            f"SELECT u.id, r.address FROM {sought} AS r JOIN users AS u ON {channel.address.sql(dialect)} = r.address"
            f" ORDER BY u.id{dialect.lock('u')}"
        )

    def receive(self, connection: Connection, texts: Sequence[IncomingText], now: Instant) -> Heard:
        """Do what ``texts`` say, in the order in which they were written; one that came before changes nothing."""
        fresh = sorted(self._fresh(connection, [self._understood(one, now) for one in texts]), key=lambda one: one.at)
        keywords = [one for one in fresh if one.meaning is not Meaning.OTHER and one.address is not None]
        users = self._users(connection, {one.address for one in keywords if one.address is not None})
        changed = sum(self._follow(connection, one, users.get(one.address or "", []), now) for one in keywords)
        unread = sum(one.address is None for one in fresh)
        meant = {meaning.value: sum(one.meaning is meaning for one in fresh) for meaning in Meaning}
        _log.info("replies", channel=self._channel.name, **meant, changed=changed, number_unreadable=unread)
        return Heard(len(fresh), changed)

    def _understood(self, one: IncomingText, now: Instant) -> UnderstoodText:
        usable = self._channel.typed(one.address, self._country)
        address = None if usable is None else self._channel.suppression_form(usable)
        at = min(one.at, now) if one.at > 0 else now
        return UnderstoodText(
            one.adapter, clean(one.reference)[:_LONGEST], address, self._keywords.meaning(one.text), at
        )

    def _fresh(self, connection: Connection, texts: Sequence[UnderstoodText]) -> list[UnderstoodText]:
        """Return the texts that have not come before, in their order; of those without a reference, nobody can tell."""
        named = {(one.adapter, one.reference): one for one in reversed(texts) if one.reference}
        rows = [[*key, one.meaning.value, one.at] for key, one in named.items()]
        noted = connection.execute(self._note, {"rows": pack(rows)}).all() if rows else []
        new = [named[row[0], row[1]] for row in noted]
        return [one for one in texts if not one.reference or any(one is other for other in new)]

    def _users(self, connection: Connection, addresses: set[str]) -> Mapping[str, list[int]]:
        """Return address -> the users who have it, locked."""
        found: dict[str, list[int]] = defaultdict(list)
        if addresses:
            rows = pack([[one] for one in sorted(addresses)])
            for user, address in connection.execute(self._find, {"rows": rows}):
                found[address].append(user)
        return found

    def _follow(self, connection: Connection, one: UnderstoodText, users: Sequence[int], now: Instant) -> int:
        """Refuse, or take it back; return for how many users or numbers that changed something."""
        assert one.address is not None
        source = f"{REPLIED}{one.adapter}"
        if one.meaning is Meaning.START:
            agreed = Word(granted=True, source=source, at=one.at)
            changed = give_back(connection, self._dialect, users, self._channel.name, agreed, now=now)
            others = admit_address(
                connection, self._dialect, self._channel.name, address=one.address, owners=users, until=one.at
            )
        elif users:
            changed, others = self._refuse(connection, users, source, one.at, now), 0
        else:
            refuse_address(connection, self._dialect, self._channel.name, self._classes, address=one.address, at=one.at)
            changed, others = frozenset(), 1
        profiles = {user: {self._channel.address.name: one.address} for user in changed}
        write_refusals(connection, self._dialect, self._known, profiles)
        add_news(connection, self._dialect, sorted(changed), Cause.BEHAVIOUR)
        return len(changed) + others

    def _refuse(
        self, connection: Connection, users: Sequence[int], source: str, at: int, now: Instant
    ) -> frozenset[int]:
        stated = [
            Statement(user, self._channel.name, one, granted=False, source=source, at=at)
            for user in users
            for one in self._classes
        ]
        return write_statements(connection, self._dialect, stated, now).users
