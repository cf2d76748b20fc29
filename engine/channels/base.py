"""The port between the engine and a channel: its addresses, the blocks of its templates, and its messages.

A channel is one object in one file. It covers everything that differs between channels, so that no other module has to
know which channels there are.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.actions.described_enum import DescribedEnum
from engine.content.declared import ChannelAddress
from engine.messages.blocks import Blocks
from engine.messages.email.headers import Mailbox
from engine.messages.render import Rendered
from engine.messages.segments import Segments
from engine.store.devices import newest_token

if TYPE_CHECKING:
    from engine.store.dialects import Dialect

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What no address may have in it."""
_SUMMARY = 120
"""How many characters of a text are shown as its summary in lists."""


@dataclass(frozen=True, slots=True)
class AddressOf:
    """Where a user's address is stored: in a column of ``users``, in an attribute, or with each of their devices."""

    column: str = ""
    attribute: str = ""
    devices: bool = False
    """The addresses are the tokens of the user's devices, which compare as they are; ``attribute`` names that of the device
    seen last."""

    @property
    def name(self) -> str:
        """The name of the column or attribute."""
        return self.column or self.attribute

    @property
    def is_key(self) -> bool:
        """Whether it is the user's own key: everybody has that address, and it is no way to reach anybody elsewhere."""
        return self.column == "key"

    def sql(self, dialect: "Dialect", users: str = "u") -> str:
        """Return SQL for the address as text, NULL if there is none; ``users`` is the table's alias."""
        if self.devices:
            return newest_token(f"{users}.id")
        if self.column:
            return f"{users}.{self.column}"
        # Processes that compose need no database: without it they start twice as fast.
        from engine.content.value_types import ValueType
        from engine.facts.values import JsonValue

        return JsonValue(f"{users}.attributes", self.attribute, ValueType.TEXT).sql(dialect)

    def held_sql(self, dialect: "Dialect", forms: str, users: str = "u") -> str:
        """Return SQL: the user has one of the addresses ``forms``, a bind, in lower case. All users are read."""
        if self.devices:
            return f"{users}.id IN (SELECT held.user_id FROM device AS held WHERE lower(held.token) IN {forms})"
        return f"lower({self.sql(dialect, users)}) IN {forms}"


@dataclass(frozen=True, slots=True)
class Sending:
    """What a channel gets to compose a message, besides the rendered template.

    ``key`` is the action's idempotency key, ``at`` is now, in UTC milliseconds. ``recipient`` is in the form to send to. ``unsubscribe_url`` is empty if the message's class has none.
    ``mark`` is put before the subject or text, to mark test messages. ``max_segments`` is how many segments of a text
    message the playbook allows; 0 means any number.
    """

    key: str
    at: int
    sender: Mailbox
    recipient: str
    reply_to: Mailbox | None = None
    unsubscribe_url: str = ""
    mark: str = ""
    max_segments: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a preview shows it; parts that the channel does not have are empty. ``html`` is a complete page.

    ``segments`` is None on channels that have none.
    """

    subject: str
    text: str
    html: str = ""
    segments: Segments | None = None


class Channel(ABC):
    """One channel. The methods that are not abstract have defaults that fit most channels."""

    name: str
    """Used in playbooks, in names of templates, in ``config.toml`` and in the log."""
    address: AddressOf
    blocks: Blocks
    payload: type[Any]
    """The frozen dataclass that adapters of this channel accept."""
    sample: str
    """An example address that belongs to nobody."""
    reasons: tuple[DescribedEnum, ...] = ()
    """The reasons of its ``MessageTooLong``."""

    def usable(self, address: str) -> str | None:
        """Return ``address`` in the form to send to; None if it is invalid. Does not use the network."""
        return None if CONTROLS.search(address) else self.normal(address)

    @abstractmethod
    def normal(self, address: str) -> str | None:
        """Do the same as ``usable``, for an address without control characters."""

    def typed(self, address: str, country: str) -> str | None:
        """Do the same as ``usable``, for an address that a person typed.

        ``country`` is the brand's (ISO 3166-1) or empty, for channels whose addresses are written differently at home.
        """
        return self.usable(address.strip())

    def suppression_form(self, address: str) -> str:
        """Return a usable address as the suppression list stores it."""
        return address

    def compared(self, address: str) -> str | None:
        """Return any stored address in its ``suppression_form``; None if nothing can be sent to it."""
        usable = self.usable(address)
        return None if usable is None else self.suppression_form(usable)

    def masked(self, address: str) -> str:
        """Return ``address`` masked for display."""
        return masked(address)

    @abstractmethod
    def compose(self, rendered: Rendered, sending: Sending) -> Any:  # noqa: ANN401 - of the type ``payload``
        """Return the payload of one message.

        Raises:
            RenderError: an address, a link or a header is invalid.
            MessageTooLong: it is longer than ``sending`` allows, or than the channel can carry.
        """

    def preview(self, rendered: Rendered) -> Shown:
        """Return the message as a person sees it."""
        parts = (rendered.plain(name) for name in self.blocks.parts if name != self.blocks.headline)
        return Shown(rendered.subject, "\n\n".join(part for part in parts if part))

    def summary(self, rendered: Rendered) -> str:
        """Return the message's summary for lists, on one line: its headline, or the beginning of its text."""
        return rendered.subject or " ".join(self.preview(rendered).text.split())[:_SUMMARY]


def masked(address: str) -> str:
    """Return ``address`` masked for display: ``a•••@example.com``, ``•••23``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else f"•••{address[-2:]}"


def by_name(channels: Iterable[Channel]) -> dict[str, Channel]:
    """Return the channels by their names."""
    return {channel.name: channel for channel in channels}


def with_contact(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels whose addresses are contact data, and not merely users' keys."""
    return tuple(channel for channel in channels if not channel.address.is_key)


def channel_addresses(channels: Iterable[Channel]) -> tuple[ChannelAddress, ...]:
    """Return where each channel's addresses are and how they compare, for intake."""
    return tuple(
        ChannelAddress(one.name, one.address.name, one.compared, devices=one.address.devices) for one in channels
    )


def blocks_of(channels: Iterable[Channel]) -> dict[str, Blocks]:
    """Return the template blocks of each channel."""
    return {channel.name: channel.blocks for channel in channels}
