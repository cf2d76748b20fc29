"""Finding one user by what people know of them: the key, an address, a phone number, or the number of an erased user."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import Connection, bindparam, text

from engine.channels.base import Channel, with_contact
from engine.errors import InputError
from engine.store.dialects import dialect_of

_BY_KEY = text("SELECT id, key FROM users WHERE key = :key")
_AMONG = text("SELECT key FROM users WHERE key IN :keys")
_NEARBY = text("SELECT key FROM users WHERE key >= :start ORDER BY key LIMIT 20")
_ERASED = re.compile(r"#(\d{1,18})").fullmatch
_LISTED = 10
"""How many users with the same address are listed."""
_CANDIDATES = 60
"""Among how many keys the nearest are looked for."""


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user who was found; ``key`` is empty for one who is no longer in the store."""

    id: int
    key: str


def find_user(connection: Connection, channels: Sequence[Channel], said: str, country: str = "") -> FoundUser:
    """Return the user whose key is ``said``, or else whose address on one of ``channels`` it is, whatever the case.

    ``country`` is the brand's, for addresses that are written differently at home; see ``Channel.typed``.

    Raises:
        InputError: there is no such user, and the error names the nearest keys; or several have the address, and the
            error names their keys.
    """
    said = said.strip()
    row = connection.execute(_BY_KEY, {"key": said}).first()
    if row is not None:
        return FoundUser(int(row.id), row.key)
    found = _by_address(connection, channels, said, country)
    if len(found) > 1:
        keys = ", ".join(f"`{one.key}`" for one in found[:_LISTED]) + (" and more" if len(found) > _LISTED else "")
        raise InputError(f"several users have the address `{said}`: {keys}; name one by its key")
    if not found:
        raise InputError(f"no such user `{said}`: it is neither a key nor an address{_nearest(connection, said)}")
    return found[0]


def find_in_log(connection: Connection, channels: Sequence[Channel], said: str, country: str = "") -> FoundUser:
    """Do the same as ``find_user``, and also find erased users, who stand in the log as ``#17``.

    Raises:
        InputError: as there.
    """
    number = _ERASED(said.strip())
    if number and connection.execute(_BY_KEY, {"key": said.strip()}).first() is None:
        acted = text("SELECT 1 FROM action WHERE user_id = :id LIMIT 1")
        if connection.execute(acted, {"id": int(number[1])}).first() is not None:
            return FoundUser(int(number[1]), "")
    return find_user(connection, channels, said, country)


def _by_address(connection: Connection, channels: Sequence[Channel], said: str, country: str) -> list[FoundUser]:
    """Return the users with that address, up to one more than are listed. All users are read."""
    dialect, channels = dialect_of(connection), with_contact(channels)
    tests = [channel.address.held_sql(dialect, f":forms{at}") for at, channel in enumerate(channels)]
    query = text(f"SELECT u.id, u.key FROM users AS u WHERE {' OR '.join(tests)} ORDER BY u.key LIMIT {_LISTED + 1}")
    binds = {f"forms{at}": sorted(set(_forms(channel, said, country))) for at, channel in enumerate(channels)}
    bound = query.bindparams(*(bindparam(name, expanding=True) for name in binds))
    return [FoundUser(int(row.id), row.key) for row in connection.execute(bound, binds)]


def _forms(channel: Channel, said: str, country: str) -> Iterator[str]:
    """Yield the forms in which the address may be stored, in lower case: as a database and as Python makes it."""
    for form in {said, channel.typed(said, country) or said}:
        yield form.lower()
        yield "".join(letter.lower() if letter.isascii() else letter for letter in form)


def _nearest(connection: Connection, key: str) -> str:
    near = get_close_matches(key, [*_slips(connection, key), *_alike(connection, key)], n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(f'`{one}`' for one in dict.fromkeys(near))}?" if near else ""


def _slips(connection: Connection, key: str) -> list[str]:
    """Return the keys that come of ``key`` by leaving out a letter, or changing two letters about: one query."""
    slips = {key[:at] + key[at + 1 :] for at in range(len(key))}
    slips |= {key[:at] + key[at + 1] + key[at] + key[at + 2 :] for at in range(len(key) - 1)}
    if not slips:
        return []
    query = _AMONG.bindparams(bindparam("keys", expanding=True))
    return list(connection.execute(query, {"keys": sorted(slips)}).scalars())


def _alike(connection: Connection, key: str) -> list[str]:
    """Return keys that share the longest prefixes with ``key``: one index probe for each prefix tried."""
    found: dict[str, None] = {}
    for start in _starts(key):
        near = connection.execute(_NEARBY, {"start": start}).scalars()
        found.update(dict.fromkeys(one for one in near if one.startswith(start)))
        if len(found) >= _CANDIDATES:
            break
    return list(found)


def _starts(key: str) -> Iterator[str]:
    for length in range(len(key), max(len(key) // 2, 1) - 1, -1):
        yield from dict.fromkeys((key[:length], key[:length].lower(), key[:length].upper()))
