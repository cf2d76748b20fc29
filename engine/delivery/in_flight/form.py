"""The file of one worker's messages in flight: a header, then slots of a fixed size.

A worker that is killed leaves the file as its memory was, because the file is mapped and nothing is buffered. What a
machine leaves that loses power is anything: hence the boot id. Nothing in the file tells who a message is for.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

SUFFIX = ".in-flight"

_MAGIC = b"habitue in flight 1\n"
_HEADER = struct.Struct(f"<{len(_MAGIC)}s36s32sI")
_CHECK = struct.Struct("<I")
_SLOT = struct.Struct("<qqI")
"""Action, fence, and a checksum of both; the stage follows in an octet of its own, because one octet is never torn."""
_RECEIVED = struct.Struct("<IB99s")
"""A checksum of what follows: the length of a text, and the text."""
STAGE_AT = _SLOT.size
RECEIVED_AT = _SLOT.size + 4
SLOT_SIZE = RECEIVED_AT + _RECEIVED.size
SLOTS_AT = _HEADER.size + _CHECK.size


class Stage(IntEnum):
    """How far a message in flight has got; the value is the octet in the file."""

    FREE = 0
    """The slot is not in use."""
    WAITING = ord("w")
    """Its hand-off may be committed; its adapter call has not begun."""
    BEGUN = ord("b")
    """The provider may have it."""
    ACCEPTED = ord("a")
    """The provider has accepted it; that may not be recorded yet."""


_IN_USE = frozenset(Stage) - {Stage.FREE}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file and its reader must have in common: the boot id of the machine, and an id of the store."""

    boot: str
    store: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One message that was in flight."""

    action_id: int
    fence: int
    stage: Stage
    adapter: str = ""
    """The adapter that handed it over, if it is ``ACCEPTED``."""
    reference: str = ""
    """The provider's id for it, if it is ``ACCEPTED`` and has one."""


class Disbelieved(Exception):
    """The file is not one of ours, or is damaged; says why."""


def blank(origin: Origin, capacity: int) -> bytes:
    """Return a file with ``capacity`` free slots."""
    header = _HEADER.pack(_MAGIC, origin.boot.encode(), origin.store.encode(), capacity)
    return header + _CHECK.pack(crc32(header)) + bytes(capacity * SLOT_SIZE)


def slot(action_id: int, fence: int) -> bytes:
    """Return a slot's octets up to its stage."""
    ids = struct.pack("<qq", action_id, fence)
    return ids + _CHECK.pack(crc32(ids))


def received(adapter: str, reference: str) -> bytes | None:
    """Return a slot's octets about an accepted message, for the place ``RECEIVED_AT``; None if they do not fit."""
    text = f"{adapter}\n{reference}".encode("utf-8", "replace")
    if len(text) > 99 or "\n" in adapter:
        return None
    packed = _RECEIVED.pack(0, len(text), text)
    return _CHECK.pack(crc32(packed[_CHECK.size :])) + packed[_CHECK.size :]


def origin_of(octets: bytes) -> Origin:
    """Return where a file comes from.

    Raises:
        Disbelieved: it is not one of our files, or its header is damaged.
    """
    header = octets[: _HEADER.size]
    if len(octets) < SLOTS_AT or not header.startswith(_MAGIC):
        raise Disbelieved("it is not a file of messages in flight, or of another version")
    if _CHECK.unpack_from(octets, _HEADER.size) != (crc32(header),):
        raise Disbelieved("its header is damaged")
    _, boot, store, _ = _HEADER.unpack(header)
    return Origin(boot.rstrip(b"\0").decode("ascii", "replace"), store.rstrip(b"\0").decode("ascii", "replace"))


def entries_of(octets: bytes) -> tuple[Entry, ...]:
    """Return the messages in flight in a file whose header is sound.

    Raises:
        Disbelieved: it is truncated, or a slot is damaged; then no slot is believed.
    """
    capacity: int = _HEADER.unpack_from(octets)[-1]
    if len(octets) != SLOTS_AT + capacity * SLOT_SIZE:
        raise Disbelieved("it has not the length that its header says")
    return tuple(_entries(octets))


def _entries(octets: bytes) -> Iterator[Entry]:
    for start in range(SLOTS_AT, len(octets), SLOT_SIZE):
        stage = octets[start + STAGE_AT]
        if stage == Stage.FREE:
            continue
        action_id, fence, check = _SLOT.unpack_from(octets, start)
        if stage not in _IN_USE or check != crc32(octets[start : start + 16]):
            raise Disbelieved("a slot is damaged")
        adapter, reference = _received(octets, start + RECEIVED_AT) if stage == Stage.ACCEPTED else ("", "")
        yield Entry(action_id, fence, Stage(stage), adapter, reference)


def _received(octets: bytes, at: int) -> tuple[str, str]:
    check, length, text = _RECEIVED.unpack_from(octets, at)
    if check != crc32(octets[at + _CHECK.size : at + _RECEIVED.size]):
        raise Disbelieved("a slot is damaged")
    adapter, _, reference = text[:length].decode("utf-8", "replace").partition("\n")
    return adapter, reference
