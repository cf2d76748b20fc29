"""Rows as they go into the store. Tuples, not dataclasses: ``zip`` and ``map`` make millions of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


EventTuple = tuple[str, str, str, int, int | None, str | None]
"""The fields of an ``EventRow``: files give these, because a plain tuple is made without running Python code."""


class EventRow(NamedTuple):
    """One event of one user."""

    key: str
    """Makes the event idempotent across all files and sources."""
    user: str
    """The user's key; a user who does not exist yet is created."""
    name: str
    at: int
    """UTC milliseconds."""
    amount: int | None
    properties: str | None
    """A JSON object as text, without ``amount``; None for none."""


class UserRow(NamedTuple):
    """One user. In text fields None leaves the stored value, the empty text clears it."""

    key: str
    email: str | None = None
    phone: str | None = None
    push_token: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    created_at: int | None = None
    """UTC milliseconds; it can only make ``first_seen_at`` earlier."""
    attributes: Mapping[str, Json] = {}
    """Attributes to set; None removes one, those not named stay."""
    consents: Mapping[str, bool] = {}
    """Channel -> granted, for marketing."""
    consent_at: int | None = None
    """When the consents were given, in UTC milliseconds; None where unknown: they lift no refusal then."""
    source: str = "import"
    """Where it came from, as the history of profiles and consents shows it; for files it begins with ``import:``."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a call wrote."""

    new: int
    """Rows that were not there."""
    changed: int
    """Rows that were there and are different now; events never change."""
    same: int
    """Rows that were there already."""
    users_made: int = 0
    """Users created because an event named them."""
    refusals_kept: int = 0
    """Grants without a date that met a user's own refusal, which stays."""
