"""The blocks of a template that make up a message. Each channel declares its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.messages.skeleton import Prepared, plain_part


def prepare_plain(parts: Mapping[str, str]) -> Prepared:
    """Prepare parts without markup, into which values are inserted unchanged."""
    return Prepared({name: plain_part(part.strip()) for name, part in parts.items()})


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks that make up a message of one channel, and how they are prepared.

    ``parts`` are rendered separately. ``page`` is the block inside the page, which is the whole template rendered; it is
    empty for channels without pages. Blocks in ``inner`` are printed by layouts. A message must have the blocks in
    ``required``, and those that are parts must not be empty when rendered. ``headline`` is the part shown on one line,
    such as a subject or title. ``prepare`` gets the skeletons of ``parts`` and ``page`` by name; it may raise
    ``RenderError``.
    """

    parts: tuple[str, ...]
    required: tuple[str, ...]
    headline: str = ""
    page: str = ""
    inner: tuple[str, ...] = ()
    unsubscribe: bool = False
    """Whether a marketing message must show ``unsubscribe_url``."""
    texting: bool = False
    """Whether it is a text to a phone: paid for by segments, and refused by a word in reply."""
    prepare: Callable[[Mapping[str, str]], Prepared] = prepare_plain

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all blocks."""
        return (*self.parts, *((self.page,) if self.page else ()), *self.inner)
