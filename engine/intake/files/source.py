"""The source of rows: a file or standard input, plain or gzip, with a hash of its content."""

import gzip
import hashlib
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal, cast

from engine.errors import InputError
from engine.output_file import FileId, file_id

Format = Literal["csv", "jsonl"]
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """The source to import: a path, or None for standard input. If no format is given, it is detected."""

    path: Path | None
    format: Format | None = None

    @property
    def name(self) -> str:
        """Its name in summaries and consents."""
        return self.path.name if self.path else "stdin"


@dataclass(frozen=True)
class OpenSource:
    """A source that is being read."""

    name: str
    format: Format
    stream: BinaryIO
    """The unpacked content."""
    raw: BinaryIO
    """The file itself: its position is the progress."""
    size: int
    """Size of the file itself, in bytes."""
    digest: str
    """Hash of the file itself."""
    inputs: tuple[FileId, ...] = ()
    """The file, or the one that standard input is redirected from: nothing must be written there."""


@contextmanager
def open_source(source: Source) -> Iterator[OpenSource]:
    """Open ``source`` from its beginning; standard input is copied to a temporary file, because it is read twice.

    Raises:
        InputError: it cannot be opened, is empty, or is not UTF-8 text.
    """
    with ExitStack() as stack:
        raw = stack.enter_context(_open(source))
        digest = hashlib.file_digest(cast("BufferedReader", raw), "sha256").hexdigest()
        size = raw.tell()
        raw.seek(0)
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        stream: BinaryIO = raw
        if packed:
            stream = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=raw)))
        try:
            start = _first_bytes(source.name, stream)
            form = source.format or _format(source, start)
            yield OpenSource(source.name, form, stream, raw, size, digest, _inputs(source, raw))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            # This also covers reading the rest of the file: nothing after the damage can be read.
            raise InputError(
                f"{source.name} is not a complete gzip file: compress it again and import it; rows already imported stay"
            ) from error


def _open(source: Source) -> BinaryIO:
    try:
        if source.path is not None:
            return source.path.open("rb")
        spool = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.seek(0)
        return spool
    except OSError as error:
        raise InputError(f"{source.name} cannot be read: {error.strerror}") from error


def _inputs(source: Source, raw: BinaryIO) -> tuple[FileId, ...]:
    try:
        return (file_id((raw if source.path is not None else sys.stdin.buffer).fileno()),)
    except OSError:  # standard input is not a file, as in tests
        return ()


def _first_bytes(name: str, stream: BinaryIO) -> bytes:
    """Return the first bytes of the content, and rewind."""
    start = stream.read(4096)
    stream.seek(0)
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise InputError(f"{name} is empty: it needs a header line and rows, or one JSON object per line")
    if start.startswith(_UTF16):
        raise InputError(f"{name} is UTF-16: save it as UTF-8 (in Excel: `CSV UTF-8`)")
    return start


def _format(source: Source, start: bytes) -> Format:
    name = source.path.name.lower().removesuffix(".gz") if source.path else ""
    told = _SUFFIXES.get(Path(name).suffix)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"[") and told != "csv":
        raise InputError(
            f"{source.name} is one JSON array: write one object per line, as `jq -c '.[]' FILE > FILE.jsonl` does"
        )
    if told is not None:
        return told
    return "jsonl" if text.startswith(b"{") else "csv"
