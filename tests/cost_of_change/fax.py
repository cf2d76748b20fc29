"""A channel from outside the program: faxes, with a provider and its receipts. Nothing in the engine knows about it."""

import asyncio
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr

from adapters.base import Answer, Callback, CallbackError, Message, NotAuthentic, Outcome, Receipt, ReceiptKind
from adapters.kinds import AdapterKind
from adapters.reasons import AnswerReason
from engine.channels.base import AddressOf, Channel, Sending
from engine.errors import RenderError
from engine.kinds import Kinds
from engine.messages.blocks import Blocks
from engine.messages.render import Rendered

_NUMBER = re.compile(r"\+[0-9]{7,15}").fullmatch
_LONGEST = 3_000
"""Maximum number of characters on one page."""


@dataclass(frozen=True, slots=True)
class FaxPayload:
    """One page, in lines."""

    lines: tuple[str, ...]


class FaxChannel(Channel):
    """``fax``: a page to the number in the attribute ``fax_number``."""

    name = "fax"
    address = AddressOf(attribute="fax_number")
    blocks = Blocks(parts=("page",), required=("page",), unsubscribe=True)
    payload = FaxPayload
    sample = "+12025550199"

    def normal(self, address: str) -> str | None:
        digits = address.replace(" ", "")
        return digits if _NUMBER(digits) else None

    def masked(self, address: str) -> str:
        return f"fax •••{address[-2:]}"

    def compose(self, rendered: Rendered, sending: Sending) -> FaxPayload:
        page = f"{sending.mark}{rendered.plain('page')}"
        if len(page) > _LONGEST:
            raise RenderError(f"the page has more than {_LONGEST:,} characters")
        return FaxPayload(tuple(page.splitlines()))


class FaxOptions(BaseModel):
    """``folder`` is the provider's tray; ``secret`` signs its calls."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    folder: Path
    secret: SecretStr = SecretStr("")


class FaxAdapter:
    """Puts each page into the provider's tray. The provider recognises a key that it has seen before."""

    channel = "fax"
    payload = FaxPayload
    concurrency = 2

    def __init__(self, options: FaxOptions, name: str) -> None:
        self.name = name
        self._tray = options.folder

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, message: Message) -> Answer:
        return await asyncio.to_thread(self._lay_down, message)

    def _lay_down(self, message: Message) -> Answer:
        if _NUMBER(message.recipient) is None:
            return Answer(Outcome.REJECTED, "number_invalid", "no fax can be sent to this number")
        reference = f"fax-{sha256(message.key.encode()).hexdigest()[:12]}"
        page = {"to": message.recipient, "lines": message.payload.lines}
        try:
            (self._tray / f"{reference}.json").write_text(json.dumps(page), encoding="utf-8")
        except OSError:
            return Answer(Outcome.ADAPTER_DOWN, "tray_missing", "the provider's tray cannot be reached")
        return Answer(Outcome.ACCEPTED, reference=reference)


def sign(secret: str, body: bytes) -> str:
    """Return the provider's signature of a call."""
    return hmac.new(secret.encode(), body, sha256).hexdigest()


_KINDS = {"sent": ReceiptKind.DELIVERED, "busy": ReceiptKind.BOUNCED, "vacant": ReceiptKind.BOUNCED}


def receipts(options: FaxOptions, name: str, callback: Callback) -> Sequence[Receipt]:
    """Read a provider's call: a list of pages, each with its result."""
    given = callback.headers.get("x-fax-signature", "")
    if not hmac.compare_digest(given, sign(options.secret.get_secret_value(), callback.body)):
        raise NotAuthentic("the signature does not match the body")
    try:
        return [
            Receipt(
                name,
                one["id"],
                _KINDS[one["status"]],
                int(one["at"]),
                reason=f"line_{one['status']}",
                gone=one["status"] == "vacant",
            )
            for one in json.loads(callback.body)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise CallbackError(f"this is not a list of pages: {type(error).__name__}") from error


FAX = FaxChannel()
FAX_ADAPTER = AdapterKind(
    "office",
    FaxOptions,
    FaxAdapter,
    channel="fax",
    receipts=receipts,
    reasons=(
        AnswerReason("number_invalid", "No fax can be sent to this number."),
        AnswerReason("tray_missing", "The provider's tray cannot be reached."),
        AnswerReason("line_sent", "The page was printed at the other end."),
        AnswerReason("line_busy", "The line was busy for a day."),
        AnswerReason("line_vacant", "Nobody has this number any more."),
    ),
)
FAX_KINDS = Kinds(channels=(FAX,), adapters=(FAX_ADAPTER,))
