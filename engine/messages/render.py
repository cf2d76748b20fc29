"""Rendering one template for one user, from values to the parts of a message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType

import jinja2
from jinja2.exceptions import TemplateError, UndefinedError

from engine.errors import RenderError
from engine.messages.blocks import Blocks
from engine.messages.locales import language
from engine.messages.sandbox import MAX_OUTPUT, Frame, Frames, bounded
from engine.messages.skeleton import Part, Prepared, Skeleton, Skeletons

_CONTROLS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")

_FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Exceptions that expressions in templates can raise."""
_DECLARED = (TemplateError, RecursionError)
"""Exceptions that filters raise deliberately, and those that only templates can cause."""
_OF_TEMPLATES = ("jinja2.", "markupsafe", "engine.messages.sandbox")
"""Modules in which expressions in templates are evaluated."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The input for rendering a message.

    ``values`` are the names that the template can use (``user``, ``facts``, ``event``, ``coupon``, ``brand``,
    ``unsubscribe_url``, …): texts, numbers, lists, and mappings of them. ``currency`` (ISO 4217) and ``locale`` are
    for the filters ``money``, ``number`` and ``date``; ``zone`` (IANA) determines the day of an instant.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    locale: str = "en"
    currency: str = "USD"
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message without its headers; ``html`` and ``text`` are empty on channels other than email.

    ``subject`` is the channel's headline (a subject, a title), on one line; empty if it has none.
    """

    prepared: Prepared
    values: tuple[str, ...]
    subject: str

    @property
    def html(self) -> str:
        """The HTML part, styles inlined."""
        return self._fill(self.prepared.html)

    @property
    def text(self) -> str:
        """The text part, from the template or derived from the HTML."""
        return self._fill(self.prepared.text)

    def plain(self, name: str) -> str:
        """Return a part without markup, such as ``subject`` or ``body``; empty if there is none."""
        return self._fill(self.prepared.plain.get(name))

    def _fill(self, part: Part | None) -> str:
        return part.fill(self.values) if part else ""


class Template:
    """One file of the library, ready to be rendered many times, by many threads."""

    def __init__(
        self,
        path: str,
        locale: str,
        *,
        fingerprint: str,
        blocks: Blocks,
        compiled: jinja2.Template,
        frames: Frames,
        brand: Mapping[str, object],
    ) -> None:
        self.path = path
        self.locale = locale
        self.fingerprint = fingerprint
        """The hash of this file and all files that it extends, includes or imports."""
        self._blocks = blocks
        self._not_empty = tuple(name for name in blocks.required if name in blocks.parts)
        self._compiled = compiled
        self._frames = frames
        self._common = {**compiled.globals, **brand}
        self._locale_for = lru_cache(maxsize=256)(self._choose_locale)
        self._skeletons = Skeletons()

    def render(self, context: RenderContext) -> Rendered:
        """Render for one user.

        Raises:
            RenderError: a value is missing or has the wrong type, or a limit is exceeded. The error has the file and
                line, never a value.
            Exception: a filter has a bug; the user's values are not to blame.
        """
        frame = Frame(self._locale_for(context.locale), context.currency, context.zone)
        self._frames.current = frame
        try:
            parts = self._skeleton(context)
        except _FAULTS as error:
            if not isinstance(error, _DECLARED) and not _in_template(error.__traceback__):
                raise  # a bug in one of our filters
            raise RenderError(f"{self._where(error.__traceback__)}: {_sentence(error)}") from None
        if sum(map(len, frame.values)) > MAX_OUTPUT:
            raise RenderError(f"{self.path}: its values have more than {MAX_OUTPUT:,} characters")
        prepared, values = self._skeletons.get(parts, lambda: self._prepare(parts)), tuple(frame.values)
        subject = ""
        for name in self._not_empty:
            said = _CONTROLS.sub(" ", prepared.plain[name].fill(values)).strip()
            if not said:
                raise RenderError(f"{self.path}: the {name} is empty")
            subject = said if name == self._blocks.headline else subject
        return Rendered(prepared, values, subject)

    def _choose_locale(self, reader: str) -> str:
        """Return the locale for numbers and dates.

        It is the reader's if they share the text's language, so that British readers get British dates; otherwise it is
        the text's.
        """
        return reader if language(reader) == language(self.locale) else self.locale

    def _skeleton(self, context: RenderContext) -> Skeleton:
        """Return the page and then the channel's parts, with slots; undeclared blocks are empty."""
        running = self._compiled.new_context({**self._common, **context.values}, shared=True)
        page = tuple(bounded(self._compiled.root_render_func(running)))
        blocks = running.blocks
        return (
            page,
            *(tuple(bounded(blocks[name][0](running))) if name in blocks else () for name in self._blocks.parts),
        )

    def _prepare(self, parts: Skeleton) -> Prepared:
        page, *named = map("".join, parts)
        skeletons = dict(zip(self._blocks.parts, named, strict=True))
        if self._blocks.page:
            skeletons[self._blocks.page] = page
        try:
            return self._blocks.prepare(skeletons)
        except RenderError as error:
            raise RenderError(f"{self.path}: {error}", error.reason) from None

    def _where(self, trace: TracebackType | None) -> str:
        """Return file and line of the innermost template in the traceback."""
        place = self.path
        while trace:
            compiled = trace.tb_frame.f_globals.get("__jinja_template__")
            if isinstance(compiled, jinja2.Template):
                place = f"{compiled.name}:{compiled.get_corresponding_lineno(trace.tb_lineno)}"
            trace = trace.tb_next
        return place


def _in_template(trace: TracebackType | None) -> bool:
    """Tell whether an expression in a template failed, not the code of a filter."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    known = trace.tb_frame.f_globals if trace else {}
    return "__jinja_template__" in known or str(known.get("__name__")).startswith(_OF_TEMPLATES)


def _sentence(error: Exception) -> str:
    """Describe the error without any of the user's values."""
    if isinstance(error, UndefinedError):
        return str(error.message)
    if isinstance(error, TemplateError):
        return str(error.message or type(error).__name__)
    return f"an expression failed ({type(error).__name__})"
