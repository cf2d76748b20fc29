"""The port between the engine and a channel: where its address stands, what its templates and messages are made of.

A channel is one object in one file. Everything that differs from channel to channel is asked of it, so that no other
module has to know which channels there are.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.content.kinds import FactType
from engine.facts.values import json_value
from engine.messages.blocks import Blocks
from engine.messages.email.headers import Mailbox
from engine.messages.render import Rendered
from engine.store.dialect import Dialect

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SUMMARY = 120
"""Characters of a text that stand for it in lists."""


@dataclass(frozen=True, slots=True)
class AddressOf:
    """Where a user's address stands: in a column of ``users``, or among the user's attributes."""

    column: str = ""
    attribute: str = ""

    @property
    def name(self) -> str:
        """The column or the attribute."""
        return self.column or self.attribute

    def sql(self, dialect: Dialect, users: str = "u") -> str:
        """Return SQL for the address as text, NULL where there is none; ``users`` is the table's alias."""
        if self.column:
            return f"{users}.{self.column}"
        return json_value(dialect, f"{users}.attributes", self.attribute, FactType.TEXT)


@dataclass(frozen=True, slots=True)
class Sending:
    """What a channel is told of one message besides what was rendered.

    ``key`` is the action's idempotency key and ``created_at`` the instant at which the action was made; ``at`` is
    now; instants are UTC milliseconds. ``recipient`` is in the form to send to. ``unsubscribe_url`` is empty where
    the message's class has none. ``mark`` goes before the subject or the text, to tell a test from the real thing.
    """

    key: str
    created_at: int
    at: int
    sender: Mailbox
    recipient: str
    reply_to: Mailbox | None = None
    unsubscribe_url: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a preview shows it; what a channel does not have is empty. ``html`` is a whole page."""

    subject: str
    text: str
    html: str = ""


class Channel(ABC):
    """One channel. What is not abstract fits most channels."""

    name: str
    """In playbooks, in names of templates, in ``config.toml`` and in the log."""
    address: AddressOf
    blocks: Blocks
    payload: type[Any]
    """A frozen dataclass: what an adapter of this channel is given."""
    sample: str
    """An address that looks like one and belongs to nobody."""

    def usable(self, address: str) -> str | None:
        """Return ``address`` in the form to send to; None where nothing can be sent to it. Asks no network."""
        return None if _CONTROLS.search(address) else self.normal(address)

    @abstractmethod
    def normal(self, address: str) -> str | None:
        """Do what ``usable`` says for an address without control characters."""

    def suppression_form(self, address: str) -> str:
        """Return the form in which the suppression list holds a usable address."""
        return address

    def masked(self, address: str) -> str:
        """Return ``address`` for eyes that need not know it."""
        return masked(address)

    @abstractmethod
    def compose(self, rendered: Rendered, sending: Sending) -> Any:  # noqa: ANN401 - of the type ``payload``
        """Return the payload of one message.

        Raises:
            RenderError: it cannot be sent like this: an address, a link or a header is invalid.
        """

    def preview(self, rendered: Rendered) -> Shown:
        """Return what a person sees of the message."""
        parts = (rendered.plain(name) for name in self.blocks.parts if name != self.blocks.headline)
        return Shown(rendered.subject, "\n\n".join(part for part in parts if part))

    def summary(self, rendered: Rendered) -> str:
        """Return what stands for the message in lists: its headline, or the beginning of its text, on one line."""
        return rendered.subject or " ".join(self.preview(rendered).text.split())[:_SUMMARY]


def masked(address: str) -> str:
    """Return ``address`` for eyes that need not know it: ``a•••@example.com``, ``•••23``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if at else f"•••{address[-2:]}"


def by_name(channels: Iterable[Channel]) -> dict[str, Channel]:
    """Return the channels by their names."""
    return {channel.name: channel for channel in channels}


def blocks_of(channels: Iterable[Channel]) -> dict[str, Blocks]:
    """Return which blocks make a message, by channel."""
    return {channel.name: channel.blocks for channel in channels}
