"""Which blocks of a template make a message: each channel says so of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.messages.skeleton import Prepared, plain_part


def prepare_plain(parts: Mapping[str, str]) -> Prepared:
    """Prepare parts into which values go as they are: texts without markup."""
    return Prepared({name: plain_part(part.strip()) for name, part in parts.items()})


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks that make a message of one channel, and how they are prepared.

    ``parts`` are rendered by themselves. ``page`` is the block that stands in a page, which is the template rendered
    as a whole; empty for channels without pages. Blocks in ``inner`` are printed by layouts. A message must have those
    in ``required``, and the parts among them must not turn out empty. ``headline``, one of these, is shown on one
    line: a subject, a title. ``prepare`` is given the skeletons of ``parts`` and ``page`` by name, and raises
    ``RenderError``.
    """

    parts: tuple[str, ...]
    required: tuple[str, ...]
    headline: str = ""
    page: str = ""
    inner: tuple[str, ...] = ()
    unsubscribe: bool = False
    """Whether a marketing message must show ``unsubscribe_url``."""
    prepare: Callable[[Mapping[str, str]], Prepared] = prepare_plain

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.parts, *((self.page,) if self.page else ()), *self.inner)
