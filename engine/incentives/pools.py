"""Coupon pools: importing codes from a file, and counting those left."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from engine.clock import Instant
from engine.content.findings import did_you_mean
from engine.errors import InputError
from engine.incentives.expiry import read_expiry
from engine.incentives.form import CouponSection
from engine.store.database import Database
from engine.text_file import open_file

_CHUNK = 5_000
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class PoolFile:
    """A file of codes. ``expires_at`` applies to codes without an expiry of their own, None if they never expire.

    ``zone`` is the brand's: a day ends there.
    """

    path: Path
    zone: ZoneInfo
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class PoolCode:
    """One code in a file."""

    line: int
    code: str
    expires_at: Instant | None


@dataclass
class PoolImport:
    """The result of importing codes."""

    added: int = 0
    known: int = 0
    """Codes that were already in the store, or are in the file twice."""
    rejected: list[str] = field(default_factory=list)
    """Line and reason of each code that was rejected."""


@dataclass(frozen=True, slots=True)
class Stock:
    """How many codes of one coupon are free, claimed and expired."""

    coupon: str
    kind: str
    """``pool``, ``series``, or ``undeclared`` if no file declares it any more."""
    free: int
    claimed: int
    expired: int
    """Codes that expired before they were claimed."""


def fill_pool(database: Database, coupons: Mapping[str, CouponSection], name: str, file: PoolFile) -> PoolImport:
    """Add the codes in a file to the pool ``name``, in chunks; importing the file again changes nothing.

    The file has one code per line, or is CSV with a column ``code`` and optionally ``expires_at`` (ISO 8601; a date
    means the end of that day). ``.gz`` is unpacked.

    Raises:
        InputError: the coupon is not declared as a pool, or the file cannot be read.
    """
    _check_pool(coupons, name)
    done = PoolImport()
    try:
        with _open(file.path) as lines:
            codes = _codes(lines, file, done)
            while chunk := list(islice(codes, _CHUNK)):
                added = database.in_transaction(partial(_add, name=name, chunk=chunk))
                done.added += added
                done.known += len(chunk) - added
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(f"{file.path} cannot be read as a file of coupon codes: {why}") from error
    return done


def stocks(connection: Connection, coupons: Mapping[str, CouponSection], now: Instant) -> list[Stock]:
    """Return the stock of every coupon that is declared or has codes, by name."""
    rows = connection.execute(
        text(
            "SELECT coupon, count(CASE WHEN enrolment_id IS NOT NULL THEN 1 END),"
            " count(CASE WHEN enrolment_id IS NULL AND (expires_at IS NULL OR expires_at > :now) THEN 1 END),"
            " count(CASE WHEN enrolment_id IS NULL AND expires_at <= :now THEN 1 END)"
            " FROM coupon_code GROUP BY coupon"
        ),
        {"now": now},
    )
    counted = {coupon: (claimed, free, expired) for coupon, claimed, free, expired in rows}
    found = []
    for name in sorted({*coupons, *counted}):
        claimed, free, expired = counted.get(name, (0, 0, 0))
        kind = coupons[name].kind if name in coupons else "undeclared"
        found.append(Stock(name, kind, free, claimed, expired))
    return found


def _check_pool(coupons: Mapping[str, CouponSection], name: str) -> None:
    if name not in coupons:
        raise InputError(f"unknown coupon `{name}`{did_you_mean(name, coupons)}; playbooks/coupons.toml declares them")
    if coupons[name].kind != "pool":
        raise InputError(
            f"`{name}` is a series, whose codes are generated when needed; codes can only be imported into a pool"
        )


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    with open_file(path) as raw, ExitStack() as stack:
        content = stack.enter_context(gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        yield stack.enter_context(io.TextIOWrapper(content, encoding="utf-8-sig", newline=""))


def _codes(lines: TextIO, file: PoolFile, done: PoolImport) -> Iterator[PoolCode]:
    """Yield the valid codes; note the others in ``done``."""
    rows = csv.reader(lines)
    columns: list[str] | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = [cell.lower() for cell in cells] if "code" in [cell.lower() for cell in cells] else ["code"]
            if "code" in [cell.lower() for cell in cells]:
                continue
        try:
            yield _code(rows.line_num, dict(zip(columns, cells, strict=False)), file)
        except ValueError as error:
            done.rejected.append(f"line {rows.line_num}: {error}")


def _code(line: int, cells: Mapping[str, str], file: PoolFile) -> PoolCode:
    code = cells.get("code", "")
    if not code:
        raise ValueError("the code is empty")
    if len(code) > _LONGEST or not code.isprintable():
        raise ValueError(f"a code has at most {_LONGEST} printable characters")
    own = cells.get("expires_at", "")
    return PoolCode(line, code, read_expiry(own, file.zone) if own else file.expires_at)


def _add(connection: Connection, name: str, chunk: Iterable[PoolCode]) -> int:
    """Add those codes that are new; return how many."""
    adding = text(
        "INSERT INTO coupon_code (coupon, code, expires_at) VALUES (:coupon, :code, :expires_at)"
        " ON CONFLICT (code) DO NOTHING"
    )
    rows = [{"coupon": name, "code": one.code, "expires_at": one.expires_at} for one in chunk]
    before = _count(connection, name)
    connection.execute(adding, rows)
    return _count(connection, name) - before


def _count(connection: Connection, name: str) -> int:
    counting = text("SELECT count(*) FROM coupon_code WHERE coupon = :coupon")
    return int(connection.execute(counting, {"coupon": name}).scalar_one())
