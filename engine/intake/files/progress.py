"""The progress of imports: the table ``import_file``."""

from sqlalchemy import Connection, text

from engine.clock import Instant


def how_far(connection: Connection, fingerprint: str) -> tuple[int, bool]:
    """Return how many rows of a file were committed, and whether the import finished."""
    found = connection.execute(
        text("SELECT rows, finished FROM import_file WHERE fingerprint = :fingerprint"), {"fingerprint": fingerprint}
    ).one_or_none()
    return (found.rows, bool(found.finished)) if found else (0, False)


def note_progress(connection: Connection, fingerprint: str, rows: int, now: Instant, *, finished: bool) -> None:
    """Record how many rows of a file are committed, in the transaction that commits them."""
    connection.execute(
        text(
            "INSERT INTO import_file (fingerprint, rows, finished, at) VALUES (:fingerprint, :rows, :finished, :at) "
            "ON CONFLICT (fingerprint) DO UPDATE SET rows = excluded.rows, finished = excluded.finished, at = excluded.at"
        ),
        {"fingerprint": fingerprint, "rows": rows, "finished": finished, "at": now},
    )
