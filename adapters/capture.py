"""An adapter that writes each email into a folder instead of sending it: for trying out, demos and tests."""

import asyncio
import os
import re
import tempfile
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from adapters.base import Answer, Message, Outcome

_DATE = re.compile(rb"^Date:[ \t]*([^\r\n]{1,64})\r?$", re.MULTILINE | re.IGNORECASE)
_HEADER = 4_096
"""Octets at the beginning of a message in which its Date is looked for."""


class CaptureOptions(BaseModel):
    """``folder``: where the messages go, made when it is missing and its parent is there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(default=Path("var/mail"))


class CaptureAdapter:
    """Writes ``FOLDER/YYYY-MM-DD/NAME.eml``: the day from the message's Date, the name from its idempotency key.

    A message that is handed over twice replaces its file, so there is one file for each key.
    """

    channel = "email"
    concurrency = 16

    def __init__(self, options: CaptureOptions, name: str = "capture") -> None:
        self.name = name
        self._folder = options.folder

    async def __aenter__(self) -> Self:
        """Make ready: nothing to do."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close: nothing is held open between messages."""

    async def send(self, message: Message) -> Answer:
        """Write one message; it is there whole or not at all.

        A missing or read-only folder, or a full disk, answers ``ADAPTER_DOWN``.
        """
        return await asyncio.get_running_loop().run_in_executor(None, self._write, message)

    def _write(self, message: Message) -> Answer:
        name = blake2b(message.key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        target = self._folder / _day(message.body) / f"{name}.eml"
        try:
            self._folder.mkdir(exist_ok=True)
            target.parent.mkdir(exist_ok=True)
            _replace(target, message.body)
        except OSError as error:
            return Answer(Outcome.ADAPTER_DOWN, "folder_unwritable", f"{self._folder}: {error.strerror or 'no access'}")
        return Answer(Outcome.ACCEPTED, reference=str(target.relative_to(self._folder)))


def _day(body: bytes) -> str:
    found = _DATE.search(body[:_HEADER])
    if found is None:
        return "undated"
    try:
        return parsedate_to_datetime(found[1].decode("ascii", "replace")).date().isoformat()
    except ValueError:
        return "undated"


def _replace(target: Path, body: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
