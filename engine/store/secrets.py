"""Secrets that an installation generates and keeps in its database, if the settings have none."""

import secrets

from sqlalchemy import text

from engine.clock import Clock, Instant
from engine.store.database import Database


def installation_secret(database: Database, name: str, now: Instant) -> str:
    """Return the secret called ``name``; the first call, in any process, generates it."""
    with database.read() as connection:
        found: str | None = connection.scalar(text("SELECT value FROM secret WHERE name = :name"), {"name": name})
    if found:
        return found
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO secret (name, value, created_at) VALUES (:name, :value, :now) ON CONFLICT DO NOTHING"),
            {"name": name, "value": secrets.token_urlsafe(32), "now": now},
        )
        kept: str = connection.execute(text("SELECT value FROM secret WHERE name = :name"), {"name": name}).scalar_one()
    return kept


class InstallationSecret:
    """One secret of the installation, read from the database when it is first needed."""

    def __init__(self, database: Database, name: str, clock: Clock) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._value = ""

    def value(self) -> str:
        """Return the secret; the first call, in any process, generates it.

        Raises:
            StoreError: the database cannot be used.
        """
        if not self._value:
            self._value = installation_secret(self._database, self._name, self._clock.now())
        return self._value
