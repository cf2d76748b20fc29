"""Where rows come from: a file or standard input, plain or gzip, with a hash of what it holds."""

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

Format = Literal["csv", "jsonl"]
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """What to import: a path, or None for standard input; the format is found out where it is not said."""

    path: Path | None
    format: Format | None = None

    @property
    def name(self) -> str:
        """What summaries and consents call it."""
        return self.path.name if self.path else "stdin"


@dataclass(frozen=True)
class OpenSource:
    """A source that is being read."""

    name: str
    format: Format
    stream: BinaryIO
    """Its content, unpacked."""
    raw: BinaryIO
    """The file as it lies there: its position says how far we are."""
    size: int
    """Bytes of the file as it lies there."""
    digest: str
    """Hash of its content as it lies there."""


@contextmanager
def open_source(source: Source) -> Iterator[OpenSource]:
    """Open ``source`` from its beginning; standard input is put aside in a temporary file, for it is read twice.

    Raises:
        InputError: it cannot be opened, is empty, or is no UTF-8 text.
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
            yield OpenSource(source.name, source.format or _format(source, start), stream, raw, size, digest)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            # Also where the rest of the file is read: what is behind the damage cannot be had.
            raise InputError(
                f"{source.name} is not a whole gzip file: pack it again and import it; what is in already is not lost"
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


def _first_bytes(name: str, stream: BinaryIO) -> bytes:
    """Return how the content begins, and go back to its beginning."""
    start = stream.read(4096)
    stream.seek(0)
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise InputError(f"{name} is empty: a header line and rows, or JSON objects one a line, were expected")
    if start.startswith(_UTF16):
        raise InputError(f"{name} is UTF-16: save it as UTF-8 (in Excel: `CSV UTF-8`)")
    return start


def _format(source: Source, start: bytes) -> Format:
    name = source.path.name.lower().removesuffix(".gz") if source.path else ""
    told = _SUFFIXES.get(Path(name).suffix)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"[") and told != "csv":
        raise InputError(
            f"{source.name} is one JSON array: write its objects one a line, as `jq -c '.[]' FILE > FILE.jsonl` does"
        )
    if told is not None:
        return told
    return "jsonl" if text.startswith(b"{") else "csv"
