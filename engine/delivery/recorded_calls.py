"""Providers' calls that were recorded: a file with one JSON object per line, and what became of each.

Whoever received the calls elsewhere (a small web server, a provider's export, a queue) can pass them on in this way. They
are verified like those that come over HTTP. A line that is refused is reported, and holds up no other.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from adapters.base import Callback, CallbackError
from engine.actions.receipts import Received
from engine.clock import EARLIEST_GIVEN, LATEST_GIVEN, Instant, instant
from engine.delivery.receipts import Told
from engine.errors import InputError, NoReceipts

LONGEST_LINE = 2_000_000
"""Octets of one line, which has one call."""
TOGETHER = 500
"""How many calls are stored in one transaction."""
SHOWN = 20
"""How many refused lines are reported by their number; all are counted by their reason."""
EXAMPLE = '{"adapter": "twilio", "headers": {"X-Twilio-Signature": "…"}, "url": "https://…", "body": "…"}'


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call, and the adapter whose provider made it."""

    adapter: str
    callback: Callback


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was not stored: its line, from 1, and why."""

    line: int
    why: str


@dataclass
class ReceiptCounts:
    """What became of recorded calls, and of the receipts in them."""

    calls: int = 0
    """Calls that were read, verified and stored."""
    new: int = 0
    known: int = 0
    unmatched: int = 0
    """Receipts about no message that was handed off."""
    texts: int = 0
    """Texts that people wrote back, and that were new."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why calls were refused, with how many there were of each."""
    first_refused: list[RefusedCall] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many calls were refused."""
        return self.reasons.total()

    def refuse(self, line: int, why: str) -> None:
        """Count a call that was refused."""
        self.reasons[why] += 1
        if len(self.first_refused) < SHOWN:
            self.first_refused.append(RefusedCall(line, why))

    def store(self, calls: int, received: Received) -> None:
        """Count calls that were stored."""
        self.calls += calls
        self.new += received.new
        self.known += received.known
        self.unmatched += received.unmatched
        self.texts += received.texts


Read = Callable[[RecordedCall], Told]
"""Verifies a call and returns what it says."""
Store = Callable[[Sequence[Told]], Received]
"""Stores what calls say, in one transaction."""


def receive_recorded(
    stream: BinaryIO, now: Instant, read: Read, store: Store, watch: Callable[[], None]
) -> ReceiptCounts:
    """Read, verify and store all calls in ``stream``; ``watch`` is called after each transaction.

    Raises:
        HabitueError: the store or the settings are at fault. What was stored before stays; the same file can be given again.
    """
    counts = ReceiptCounts()
    waiting: list[Told] = []
    for number, line in _lines(stream):
        try:
            waiting.append(read(call_of(line, now)))
        except (CallbackError, NoReceipts, InputError) as error:
            counts.refuse(number, str(error))
        if len(waiting) == TOGETHER:
            counts.store(len(waiting), store(waiting))
            waiting = []
            watch()
    counts.store(len(waiting), store(waiting))
    watch()
    return counts


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers; of one that is too long, a part that is too long, too."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE + 1)
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line


class _CallLine(BaseModel):
    """The form of a line."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    adapter: str
    headers: Mapping[str, str] = {}
    body: str | None = None
    body_base64: str | None = None
    url: str = ""
    at: int | None = None
    """Milliseconds; given as ISO 8601, too."""

    @field_validator("at", mode="before")
    @classmethod
    def _instant(cls, at: object) -> object:
        return _given_instant(at) if isinstance(at, int | str) else at

    @model_validator(mode="after")
    def _one_body(self) -> "_CallLine":
        if (self.body is None) == (self.body_base64 is None):
            raise ValueError("write the body either as `body`, if it is text, or as `body_base64`")
        return self

    @property
    def octets(self) -> bytes:
        """The body as it was received."""
        if self.body is not None:
            return self.body.encode("utf-8", "surrogatepass")
        return base64.b64decode(self.body_base64 or "", validate=True)


def call_of(line: bytes, now: Instant) -> RecordedCall:
    """Return the call on a line; without its instant ``at``, it has just arrived.

    Raises:
        InputError: it is not one; the error says what would be right, and quotes nothing.
    """
    if len(line) > LONGEST_LINE:
        raise InputError(f"the line has more than {LONGEST_LINE:,} bytes: write one call per line")
    try:
        read = _CallLine.model_validate_json(line)
        body = read.octets
    except ValidationError as error:
        raise InputError(_explained(error)) from error
    except binascii.Error as error:
        raise InputError("`body_base64` is not Base64: encode the body's bytes, with their padding") from error
    return RecordedCall(read.adapter, callback_of(read.headers, body, read.url, now if read.at is None else read.at))


def callback_of(headers: Mapping[str, str], body: bytes, url: str, at: int) -> Callback:
    """Return a call, with the names of its headers in lower case."""
    return Callback({name.lower(): value for name, value in headers.items()}, body, url, at)


def _given_instant(at: int | str) -> int:
    right = "write milliseconds since 1970, or ISO 8601 such as `2026-01-31T10:00:00Z`"
    if isinstance(at, str):
        try:
            at = instant(datetime.fromisoformat(at))
        except (ValueError, OverflowError) as error:
            raise ValueError(right) from error
    if not EARLIEST_GIVEN <= at <= LATEST_GIVEN:  # so that seconds are noticed
        raise ValueError(f"it is not between 1990 and 2100: {right}")
    return at


def _explained(error: ValidationError) -> str:
    mistake = error.errors()[0]
    if mistake["type"] == "json_invalid":
        return f"not a JSON object: write one call per line, as {EXAMPLE}"
    key = ".".join(map(str, mistake["loc"][:1]))
    if mistake["type"] == "extra_forbidden":
        return f"unknown key: a call has {', '.join(f'`{name}`' for name in _CallLine.model_fields)}"
    said = mistake["msg"].removeprefix("Value error, ")
    return f"`{key}`: {said}" if key else f"{said}, as {EXAMPLE}"
