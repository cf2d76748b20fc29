"""What goes to the processes that compose, and what comes back: plain values, without access to the database."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

from engine.channels.base import Channel
from engine.messages.email.headers import Mailbox
from engine.messages.templates import MessageName, TemplateLibrary


@dataclass(frozen=True)
class Recipe:
    """What all messages of one version of a brand's files share.

    ``channels`` must be instances of classes that can be imported: other processes get them, too. ``kept`` are templates
    that ``library`` no longer has, but that messages still need: each in the newest library that had it.
    """

    library: TemplateLibrary
    channels: tuple[Channel, ...]
    sender: Mailbox
    reply_to: Mailbox | None
    currency: str
    kept: Mapping[MessageName, TemplateLibrary] = field(default_factory=dict)

    def library_for(self, name: str, channel: str, locale: str) -> TemplateLibrary:
        """Return the library that serves a message: ``library`` unless a kept template has to stand in."""
        if self.library.path_of(name, channel, locale) is not None:
            return self.library
        return self.kept.get((name, channel), self.library)

    def read_all(self) -> None:
        """Read all files now; otherwise the first message of each template does it."""
        for library in (self.library, *self.kept.values()):
            library.read_all()

    def __reduce__(self) -> tuple[type["Recipe"], tuple[object, ...]]:
        """Leave the cached values below out when it is pickled."""
        return Recipe, (self.library, self.channels, self.sender, self.reply_to, self.currency, self.kept)

    @cached_property
    def packed(self) -> bytes:
        """Its pickled form."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    @cached_property
    def digest(self) -> bytes:
        """The hash of ``packed``; equal ones compose alike."""
        return sha256(self.packed).digest()


class Draft(NamedTuple):
    """One message before its template is rendered.

    ``values`` are those that the template can use; ``zone`` (IANA) determines the day of an instant. ``key``,
    ``at``, ``recipient``, ``unsubscribe_url``, ``mark`` and ``max_segments`` are as in ``channels.base.Sending``.
    """

    template: str
    channel: str
    locale: str
    zone: str
    values: Mapping[str, object]
    key: str
    at: int
    recipient: str
    unsubscribe_url: str
    mark: str = ""
    max_segments: int = 0


class Composed(NamedTuple):
    """A composed message: what the adapter gets, and what the log keeps of it."""

    payload: Any
    subject: str
    template_hash: str
    locale: str
    values: Mapping[str, object]
    """The values that the template read."""


class Unrendered(NamedTuple):
    """A message that cannot be composed because of its template or its values. ``detail`` has none of the values."""

    reason: str
    detail: str


class Broken(NamedTuple):
    """A message that a bug in the program, or in an extension, keeps from being composed. ``detail`` says where."""

    detail: str


class Oversized(NamedTuple):
    """A message that is longer than its playbook allows. ``detail`` says how long it is, with none of its values."""

    reason: str
    detail: str


Outcome = Composed | Unrendered | Broken | Oversized
