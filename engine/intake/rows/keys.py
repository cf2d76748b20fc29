"""Keys for events that have none: a file gets the same keys every time, and equal rows in it get different keys."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

import orjson

from engine.intake.rows.model import Json

_SIZE = 16


def row_digest(row: Sequence[Json]) -> bytes:
    """Return the hash of a row's original text."""
    return blake2b(orjson.dumps(row, option=orjson.OPT_SORT_KEYS), digest_size=_SIZE).digest()


class Ordinals:
    """Counts how often each digest has occurred so far in the whole file.

    It uses a temporary SQLite database on disk, so that memory is bounded for a file of any size.
    """

    def __init__(self) -> None:
        self._opened: sqlite3.Connection | None = None
        self._batch = 0

    def close(self) -> None:
        """Delete all counts."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _scratch(self) -> sqlite3.Connection:
        """The scratch database, opened for the first row without a key: most files have none."""
        if self._opened is None:
            self._opened = sqlite3.connect("", isolation_level=None)
            self._opened.execute("PRAGMA cache_size = -32768")
            self._opened.execute("PRAGMA journal_mode = OFF")
            self._opened.execute(
                "CREATE TABLE seen (digest BLOB PRIMARY KEY, batch INTEGER NOT NULL, times INTEGER NOT NULL)"
                " WITHOUT ROWID"
            )
        return self._opened

    def keys(self, digests: Sequence[bytes]) -> list[str]:
        """Return a key for each: its hash and, from the second occurrence on, the number of earlier ones."""
        if not digests:
            return []
        inside = Counter(digests)
        before = self._note(inside)
        if not before and len(inside) == len(digests):
            return [f"row:{digest.hex()}" for digest in digests]
        keys = []
        for digest in digests:
            times = before.get(digest, 0)
            before[digest] = times + 1
            keys.append(f"row:{digest.hex()}:{times}" if times else f"row:{digest.hex()}")
        return keys

    def _note(self, inside: Counter[bytes]) -> dict[bytes, int]:
        """Add a batch; return how often its known digests had occurred before."""
        self._batch += 1
        execute = self._scratch.execute
        execute("BEGIN")
        rows = [(digest, self._batch, times) for digest, times in inside.items()]
        before: dict[bytes, int] = {}
        if self._scratch.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows).rowcount < len(inside):
            for digest, times in inside.items():
                batch, earlier = execute("SELECT batch, times FROM seen WHERE digest = ?", (digest,)).fetchone()
                if batch != self._batch:
                    before[digest] = earlier
                    execute("UPDATE seen SET times = times + ? WHERE digest = ?", (times, digest))
        execute("COMMIT")
        return before
