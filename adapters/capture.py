"""An adapter that writes each message to a folder instead of sending it: for trials, demos and tests."""

import asyncio
import json
import os
import tempfile
from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from adapters.base import Answer, EmailPayload, Message, Outcome
from adapters.kinds import AdapterKind
from adapters.reasons import AnswerReason

CAPTURE_REASONS = (
    AnswerReason("folder_unwritable", "The folder of `capture` is missing or cannot be written, or the disk is full."),
)


class CaptureOptions(BaseModel):
    """``folder``: where messages are written. It is created if its parent exists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(default=Path("var/mail"))


class CaptureAdapter:
    """Writes ``FOLDER/YYYY-MM-DD/NAME``: the day (UTC) of composing, and a name from the idempotency key.

    It serves any channel: an email becomes an ``.eml`` file that mail programs open, any other message a file such as
    ``.sms.json``, named after its payload, with the recipient, the payload, and of which template and when it was made. A message that is handed over twice on one day replaces its file.
    """

    channel = None
    payload = object
    concurrency = 16

    def __init__(self, options: CaptureOptions, name: str = "capture") -> None:
        self.name = name
        self._folder = options.folder

    async def __aenter__(self) -> Self:
        """Do nothing: there is nothing to open."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is nothing to close."""

    async def send(self, message: Message) -> Answer:
        """Write one message, completely or not at all.

        If the folder is missing or read-only, or the disk is full, the answer is ``ADAPTER_DOWN``.
        """
        return await asyncio.get_running_loop().run_in_executor(None, self._write, message)

    def _write(self, message: Message) -> Answer:
        name = blake2b(message.key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        day = datetime.fromtimestamp(message.at // 1000, UTC).date().isoformat()
        suffix, content = _file(message)
        target = self._folder / day / f"{name}{suffix}"
        try:
            self._folder.mkdir(exist_ok=True)
            target.parent.mkdir(exist_ok=True)
            _replace(target, content)
        except OSError as error:
            return Answer(Outcome.ADAPTER_DOWN, "folder_unwritable", f"{self._folder}: {error.strerror or 'no access'}")
        return Answer(Outcome.ACCEPTED, reference=str(target.relative_to(self._folder)))


def _file(message: Message) -> tuple[str, bytes]:
    """Return the suffix and the content of a message's file."""
    if isinstance(message.payload, EmailPayload):
        return ".eml", message.payload.mime
    made = datetime.fromtimestamp(message.at / 1000, UTC).isoformat(timespec="seconds")
    shown = {
        "recipient": message.recipient,
        "payload": asdict(message.payload),
        "template": message.template,
        "locale": message.locale,
        "at": made,
        "key": message.key,
    }
    text = json.dumps(shown, ensure_ascii=False, indent=2, default=_as_text)
    return f".{_kind(message.payload)}.json", f"{text}\n".encode("utf-8", "replace")


def _kind(payload: object) -> str:
    """Return ``sms`` of an ``SmsPayload``: what the file is to be found by."""
    return type(payload).__name__.removesuffix("Payload").lower() or "message"


def _as_text(value: object) -> str:
    """Return text for values that JSON does not have: Base64 for octets, ``str`` for anything else."""
    return b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)


def _replace(target: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


CAPTURE = AdapterKind(
    "capture",
    CaptureOptions,
    CaptureAdapter,
    channel=None,
    reasons=CAPTURE_REASONS,
    records_only=True,
    repeatable=True,
)
"""The adapter ``capture``."""
