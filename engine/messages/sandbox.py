"""The Jinja2 environment that templates run in: it calls only our own code, and limits the size of everything.

Printed values do not go into the template's output. The environment's ``finalize`` stores each value in the render's
``Frame`` and prints a *slot* instead: one private-use code point, U+E000 plus the value's index. So the output is a
*skeleton* that depends only on the branches taken, never on a user, and the expensive work (CSS, text part, transfer
encoding) is done once per skeleton (see ``skeleton.py``).
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError, TemplateRuntimeError, TemplateSyntaxError
from jinja2.loaders import BaseLoader
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from markupsafe import Markup

from engine.messages import bounds
from engine.messages.grammar import LOOP_BOUND, TEXT_JOIN, prepare_tree, problems_of

FIRST_SLOT = 0xE000
MAX_SLOTS = 6_000
"""Maximum number of values printed by one render. The private-use area has 6,400 code points."""
MAX_OUTPUT = 1_000_000
"""Maximum number of characters of one part of a message."""
MAX_PIECES = 200_000
MAX_LOOPS = 10_000
MAX_CALLS = 2_000
MAX_TEXT = 100_000
"""Maximum number of characters of a string that an expression builds."""
MAX_BITS = 256

TEST_NAMES = [
    "boolean",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "true",
    "undefined",
    "upper",
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
]


class Frame:
    """The state of one render: the values printed, the limits used up, and the locale, currency and zone."""

    __slots__ = ("calls", "currency", "locale", "loops", "values", "zone")

    def __init__(self, locale: str, currency: str, zone: str) -> None:
        self.locale, self.currency, self.zone = locale, currency, zone
        self.values: list[str] = []
        self.loops = 0
        self.calls = 0


class Frames(threading.local):
    """The frame of the render in the current thread; renders do not nest."""

    current = Frame("", "", "UTC")


def has_slots(value: object) -> bool:
    """Tell whether ``value`` is a macro's result with slots in it, which may only be printed."""
    return isinstance(value, Markup) and not value.isascii() and any("\ue000" <= letter <= "\uf8ff" for letter in value)


def printable(value: object) -> str:
    """Return what ``{{ value }}`` prints.

    Raises:
        TemplateRuntimeError: the value is None, or not a text, number or date.
        UndefinedError: there is no such value.
    """
    if isinstance(value, Undefined):
        return str(value)
    if value is None:
        raise TemplateRuntimeError("prints a value that this user does not have; add `| default('…')` or test for it")
    if isinstance(value, (str, Decimal, date)) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return str(value)
    raise TemplateRuntimeError(f"prints a {type(value).__name__}; print texts and numbers, or loop over it")


def _finalizer(frames: Frames) -> Callable[[Context, Any], str]:
    slots = tuple(chr(FIRST_SLOT + index) for index in range(MAX_SLOTS))

    @pass_context  # which also keeps the compiler from calling it on constants
    def put_aside(_context: Context, value: Any) -> str:
        kind = type(value)
        if kind is Markup:
            return value  # type: ignore[no-any-return]  # a macro, super() or caller(): its values are slots already
        values = frames.current.values
        index = len(values)
        if index >= MAX_SLOTS:
            raise TemplateRuntimeError(f"prints more than {MAX_SLOTS} values")
        values.append(value if kind is str else printable(value))
        return slots[index]

    return put_aside


def bounded(pieces: Iterable[str]) -> list[str]:
    """Return the pieces that a template or macro yields, up to ``MAX_OUTPUT`` characters.

    Raises:
        TemplateRuntimeError: it yields more.
    """
    listed = list(islice(pieces, MAX_PIECES + 1))
    if len(listed) > MAX_PIECES or sum(map(len, listed)) > MAX_OUTPUT:
        raise TemplateRuntimeError(f"renders more than {MAX_OUTPUT:,} characters")
    return listed


def join_bounded(pieces: Iterable[str]) -> str:
    """Join the pieces that a template or macro yields; see ``bounded``."""
    return "".join(bounded(pieces))


def bounded_text(text: str) -> str:
    """Return ``text``, or raise an error if it is too long."""
    if len(text) > MAX_TEXT:
        raise TemplateRuntimeError(f"builds a text of more than {MAX_TEXT:,} characters")
    return text


def _join_texts(texts: list[object]) -> str:
    """Evaluate ``a ~ b``."""
    if any(has_slots(text) for text in texts):
        raise TemplateRuntimeError("`~` cannot take a macro's result; print the macro by itself")
    return bounded_text("".join(printable(text) for text in texts))


def _bind_loops(frames: Frames) -> Callable[[Any], list[Any] | tuple[Any, ...] | range]:
    def bound(values: Any) -> list[Any] | tuple[Any, ...] | range:
        """Count the iterations of a loop against the limit, before it starts."""
        if not isinstance(values, (list, tuple, range)):
            values = list(islice(values, MAX_LOOPS + 1))
        frame = frames.current
        frame.loops += len(values)
        if frame.loops > MAX_LOOPS:
            raise TemplateRuntimeError(f"loops more than {MAX_LOOPS:,} times")
        return values  # type: ignore[no-any-return]

    return bound


def _may_call(target: object) -> bool:
    if isinstance(target, (Macro, BlockReference)) or target is range:
        return True
    return isinstance(getattr(target, "__self__", None), LoopContext)


class _Compiler(CodeGenerator):
    """Omits escaping for the results of ``finalize``, which are slots or markup already."""

    def _output_child_pre(self, node: nodes.Expr, frame: Any, finalize: Any) -> None:
        self.write(finalize.src)

    def _output_child_post(self, node: nodes.Expr, frame: Any, finalize: Any) -> None:
        self.write(")")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with only the listed filters and tests, mappings and macros."""

    code_generator_class = _Compiler
    intercepted_binops = frozenset({"*", "%", "+"})
    concat = staticmethod(join_bounded)

    def __init__(
        self,
        loader: BaseLoader,
        filters: Mapping[str, Callable[..., Any]],
        frames: Frames,
        apart: Callable[[str], Collection[str]],
    ) -> None:
        """Compile templates from ``loader``; ``apart`` returns, for a path, the blocks that are not in its page."""
        # optimized=False: constant expressions are evaluated within a render's limits, not by the compiler.
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            optimized=False,
            finalize=_finalizer(frames),
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
            auto_reload=False,
        )
        self._frames = frames
        self._apart = apart
        self.filters = {**filters, LOOP_BOUND: _bind_loops(frames), TEXT_JOIN: _join_texts}
        self.tests = {name: TESTS[name] for name in TEST_NAMES}
        self.globals = {"range": range}

    def _generate(self, source: nodes.Template, name: str | None, *rest: Any, **more: Any) -> str:
        for problem in problems_of(source):
            raise TemplateSyntaxError(problem.message, problem.line, name)
        return super()._generate(prepare_tree(source, name or "", self._apart(name or "")), name, *rest, **more)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return bounds.parse(self, source, name, filename)

    def _compile(self, source: str, filename: str) -> CodeType:
        return bounds.compiled(source, filename)

    def compile(
        self, source: Any, name: str | None = None, filename: str | None = None, *rest: Any, **more: Any
    ) -> Any:
        """Compile a template under its own name, so that a traceback of the interpreter names it."""
        return super().compile(source, name, filename or name, *rest, **more)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up ``attribute`` as a key of a mapping; texts have no methods here."""
        if type(obj) is dict or isinstance(obj, Mapping):  # checking against an abstract class is slow
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(f"there is no `{attribute}` here", obj=obj, name=attribute)
        if isinstance(obj, str):
            return self.undefined(f"texts have no `{attribute}`; use a filter", name=attribute, exc=SecurityError)
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a macro, a block, ``range`` or ``loop.cycle``; nothing else can be called."""
        frame = __self._frames.current
        frame.calls += 1
        if frame.calls > MAX_CALLS:
            raise TemplateRuntimeError(f"calls macros more than {MAX_CALLS:,} times")
        if isinstance(__obj, Undefined):
            str(__obj)
        if not _may_call(__obj):
            raise SecurityError("only macros, blocks and `range` can be called; use a filter instead")
        if __obj is range and len(range(*args)) > MAX_LOOPS:
            raise TemplateRuntimeError(f"`range` is longer than {MAX_LOOPS:,}")
        return __context.call(__obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute ``left operator right`` if the result cannot become large."""
        for operand in (left, right):
            if isinstance(operand, Undefined):
                str(operand)
        if isinstance(left, (int, float, Decimal)) and isinstance(right, (int, float, Decimal)):
            return _bounded_number(super().call_binop(context, operator, left, right))
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _join_texts([left, right])
        raise TemplateRuntimeError(f"`{operator}` takes two numbers; join texts with `~`")


def _bounded_number(number: Any) -> Any:
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        raise TemplateRuntimeError(f"computes a number of more than {MAX_BITS} bits")
    return number
