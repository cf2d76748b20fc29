"""Rows to be stored. They are tuples, not dataclasses, because ``zip`` and ``map`` create millions of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


EventTuple = tuple[str, str, str, int, int | None, str | None]
"""The fields of an ``EventRow`` as a plain tuple, which is created without running Python code."""


class EventRow(NamedTuple):
    """One event of one user."""

    key: str
    """Identifies the event across all files and sources, so that it is stored once."""
    user: str
    """The user's key; a user who does not exist yet is created."""
    name: str
    at: int
    """UTC milliseconds."""
    amount: int | None
    properties: str | None
    """A JSON object as text, without ``amount``; None if there are no properties."""


class UserRow(NamedTuple):
    """One user. In text fields, None keeps the stored value, and the empty text clears it."""

    key: str
    email: str | None = None
    phone: str | None = None
    push_token: str | None = None
    """The token of one of the user's devices, which is added to them; the empty text removes all."""
    push_platform: str | None = None
    """What that device runs on; see ``engine.store.devices``."""
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    created_at: int | None = None
    """UTC milliseconds; it can only make ``first_seen_at`` earlier."""
    attributes: Mapping[str, Json] = {}
    """Attributes to set; None removes an attribute, and others stay."""
    consents: Mapping[str, bool] = {}
    """Channel -> granted, for marketing."""
    consent_at: int | None = None
    """When the consents were given, in UTC milliseconds; None if unknown, and then they override no refusal."""
    source: str = "import"
    """The source shown in the history of profiles and consents; for files it begins with ``import:``."""


class DeviceRow(NamedTuple):
    """One device of one user, by its token. ``seen_at`` is when the user was last seen with it, None if nobody says."""

    user: str
    """The user's key; a user who does not exist yet is created."""
    token: str
    platform: str
    locale: str | None = None
    seen_at: int | None = None
    """UTC milliseconds."""
    source: str = "import"
    """The source shown in the history of profiles; for files it begins with ``import:``."""


class SuppressionRow(NamedTuple):
    """One address that gets no more messages, in the form that the list stores; ``at`` None means from now on."""

    address: str
    reason: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The counts of a write."""

    new: int
    """Rows that were new."""
    changed: int
    """Existing rows that changed; events never change."""
    same: int
    """Rows that were already stored."""
    users_made: int = 0
    """Users created because an event or a device referred to them."""
    refusals_kept: int = 0
    """Grants without a date that did not override a user's own refusal."""
