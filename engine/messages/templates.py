"""The library of a brand's templates: finding them by name, channel and locale, and checking them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any

from jinja2 import DictLoader, TemplateError, nodes

from engine.content.findings import did_you_mean
from engine.errors import RenderError
from engine.messages.blocks import Blocks
from engine.messages.filters import filters_of
from engine.messages.grammar import is_layout
from engine.messages.inspection import (
    TemplateProblem,
    Variable,
    check_source,
    parse_all,
    problems_across,
    reachable,
)
from engine.messages.locales import best_match
from engine.messages.reading import MessageReader, Reading
from engine.messages.reasons import MessageReason
from engine.messages.render import Template
from engine.messages.sandbox import Frames, Sandbox

MAX_SOURCE = 200_000
"""Maximum number of characters of a file."""

SUFFIX = ".j2"

MessageName = tuple[str, str]
"""What steps send, and the channel: ``("winback/offer", "email")``; there is a file for each locale."""


@dataclass(frozen=True, slots=True)
class TemplateName:
    """The parts of a file's path ``winback/offer.email.zh-CN.j2``. ``locale`` is in lower case, or empty if not given."""

    name: str
    channel: str
    locale: str

    @classmethod
    def of(cls, path: str) -> "TemplateName | None":
        """Parse a path relative to the templates' folder; None if it does not match the pattern."""
        folder, _, file = path.rpartition("/")
        stem, *labels = file.removesuffix(SUFFIX).split(".")
        if not file.endswith(SUFFIX) or not stem or len(labels) not in (1, 2) or not all(labels):
            return None
        name = f"{folder}/{stem}" if folder else stem
        return cls(name, labels[0], labels[1].replace("_", "-").lower() if len(labels) == 2 else "")


class TemplateLibrary:
    """All templates of one version of a brand's content. Safe to share between threads.

    ``sources`` maps paths (relative to ``templates/``, with ``/``) to text. ``brand`` has values that every template can
    use besides those of the render. ``default_locale`` is the brand's. ``blocks`` has the blocks of each known channel.
    ``filters`` returns the filters that templates may use, by name, for the state of the current render.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        blocks: Mapping[str, Blocks],
        default_locale: str = "en",
        brand: Mapping[str, object] | None = None,
        filters: Callable[[Frames], Mapping[str, Callable[..., Any]]] = filters_of,
    ) -> None:
        self._blocks = dict(blocks)
        self._sources = dict(sources)
        self._default_locale = default_locale
        self._brand = dict(brand or {})
        self._filters = filters
        self._frames = Frames()
        self._sandbox = Sandbox(DictLoader(self._sources), filters(self._frames), self._frames, self._apart)
        self._paths: dict[TemplateName, str] = {}
        for path in sorted(self._sources):
            label = TemplateName.of(path)
            if label and not is_layout(path):
                self._paths[label] = path
        self._ready: dict[str, Template] = {}
        self._served = lru_cache(maxsize=1024)(self._path_of)
        self._lock = Lock()

    def __reduce__(self) -> tuple[type["TemplateLibrary"], tuple[object, ...]]:
        """Pickle what it was made of: what is compiled from it cannot be pickled."""
        made_of = (self._sources, self._blocks, self._default_locale, self._brand, self._filters)
        return TemplateLibrary, made_of

    def others(self, sources: Mapping[str, str]) -> "TemplateLibrary":
        """Return a library of other files for the same brand."""
        return TemplateLibrary(sources, self._blocks, self._default_locale, self._brand, self._filters)

    def only(self, messages: Iterable[MessageName]) -> "TemplateLibrary":
        """Return a library of these messages alone, with what they extend, include or import."""
        starts = [path for name, channel in messages for path in self.files(name, channel)]
        return self.others({path: self._sources[path] for path in sorted({*starts, *reachable(self._trees, starts)})})

    def path_of(self, name: str, channel: str, locale: str = "") -> str | None:
        """Return the file for ``locale``: its own, its language's, the one without a locale, or the brand's.

        None if there is no such file.
        """
        return self._served(name, channel, locale)

    def _path_of(self, name: str, channel: str, locale: str) -> str | None:
        paths = {
            label.locale: path for label, path in self._paths.items() if (label.name, label.channel) == (name, channel)
        }
        for tried in (best_match(locale, paths), "", best_match(self._default_locale, paths)):
            if tried in paths:
                return paths[tried]
        return None

    def find(self, name: str, channel: str, locale: str = "") -> Template:
        """Return the template for ``locale`` (see ``path_of``).

        Raises:
            RenderError: there is none (reason ``template_missing``), or it cannot be compiled (``template_invalid``).
        """
        if channel not in self._blocks:
            known = ", ".join(sorted(self._blocks))
            raise RenderError(f"unknown channel `{channel}`; known: {known}", MessageReason.TEMPLATE_MISSING)
        path = self.path_of(name, channel, locale)
        if path is None:
            names = {label.name for label in self._paths if label.channel == channel}
            write = f"write templates/{name}.{channel}{SUFFIX}"
            said = f"no {channel} template `{name}`: {write}{did_you_mean(name, names)}"
            raise RenderError(said, MessageReason.TEMPLATE_MISSING)
        ready = self._ready.get(path)
        return ready if ready is not None else self._compile(path, channel)

    def check(self) -> list[TemplateProblem]:
        """Return all mistakes in all files, by path and line."""
        found: list[TemplateProblem] = []
        for path, source in sorted(self._sources.items()):
            if TemplateName.of(path) is None:
                found.append(TemplateProblem(path, 0, "name it NAME.CHANNEL.j2 or NAME.CHANNEL.LOCALE.j2"))
            elif self._blocks_of(path) is None:
                channel = self._channel_of(path)
                found.append(
                    TemplateProblem(path, 0, f"unknown channel `{channel}`{did_you_mean(channel, self._blocks)}")
                )
            if len(source) > MAX_SOURCE:
                found.append(TemplateProblem(path, 0, f"has more than {MAX_SOURCE:,} characters"))
                continue
            found += check_source(self._sandbox, path, source)
        found += problems_across(self._sandbox, self._sources, self._blocks_of)
        return sorted(set(found))

    def names(self) -> frozenset[MessageName]:
        """Return every (name, channel) for which there is a file."""
        return frozenset((label.name, label.channel) for label in self._paths)

    def known_names(self) -> frozenset[str]:
        """Return the names of all messages, including those whose file names have no channel."""
        misnamed = {
            path.removesuffix(SUFFIX).split(".")[0]
            for path in self._sources
            if TemplateName.of(path) is None and not is_layout(path)
        }
        return frozenset(label.name for label in self._paths) | misnamed

    def variables(self, name: str, channel: str) -> tuple[Variable, ...]:
        """Return the values that the template reads, in all locales, with its layouts and includes, by path and line.

        Files that cannot be parsed are left out; ``check`` reports them.
        """
        starts = self.files(name, channel)
        return tuple(sorted({one for path in starts for one in self.reading(path).variables}))

    def files(self, name: str, channel: str) -> tuple[str, ...]:
        """Return the paths of a message's files, one for each locale, sorted."""
        return tuple(path for label, path in self._paths.items() if (label.name, label.channel) == (name, channel))

    def reading(self, path: str) -> Reading:
        """Return the values that the message at ``path`` reads when rendered with its layout."""
        return self._reader.read(path)

    def texts(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield the texts of the message at ``path``, as they are in its file and those that it uses: path, text.

        Values, comments and what conditions compare with are not among them.
        """
        for one in sorted({path} | reachable(self._trees, [path])):
            tree = self._trees.get(one)
            for output in tree.find_all(nodes.Output) if tree else ():
                for part in output.nodes:
                    if isinstance(part, nodes.TemplateData):
                        yield one, part.data
                    elif isinstance(part, nodes.Const) and isinstance(part.value, str):
                        yield one, part.value

    def line_with(self, path: str, characters: Iterable[str]) -> int:
        """Return the first line of the file at ``path`` that has one of ``characters``; 0 if none has."""
        sought = set(characters)
        lines = enumerate(self._sources[path].split("\n"), 1)
        return next((number for number, line in lines if not sought.isdisjoint(line)), 0)

    @cached_property
    def _reader(self) -> MessageReader:
        return MessageReader(self._trees, lambda path: blocks.names if (blocks := self._blocks_of(path)) else ())

    @cached_property
    def _trees(self) -> dict[str, nodes.Template]:
        return parse_all(self._sandbox, self._sources)

    def read_all(self) -> None:
        """Read all files now; otherwise the first message of each template does it."""
        _ = self._reader

    def line_of(self, path: str, line: int) -> int:
        """Return the line of the template at ``path`` that became this line of its compiled form; 0 if there is none."""
        if path not in self._sources:
            return 0
        try:
            return self._sandbox.get_template(path).get_corresponding_lineno(line)
        except TemplateError:
            return 0

    def blocks(self, channel: str) -> Blocks | None:
        """Return the blocks of ``channel``; None if the channel is not known."""
        return self._blocks.get(channel)

    def _blocks_of(self, path: str) -> Blocks | None:
        return self._blocks.get(self._channel_of(path))

    def _apart(self, path: str) -> frozenset[str]:
        """Return the blocks that are not part of the page of the message at ``path``."""
        blocks = self._blocks_of(path)
        return frozenset(blocks.names) - {blocks.page} if blocks else frozenset()

    def _fingerprint(self, path: str) -> str:
        read = sorted({path} | reachable(self._trees, [path]))
        return sha256("\0".join(f"{one}\0{self._sources[one]}" for one in read).encode()).hexdigest()[:16]

    def _channel_of(self, path: str) -> str:
        label = TemplateName.of(path)
        return label.channel if label else ""

    def _compile(self, path: str, channel: str) -> Template:
        problems = [] if len(self._sources[path]) <= MAX_SOURCE else [TemplateProblem(path, 0, "is too long")]
        problems += check_source(self._sandbox, path, self._sources[path])
        if problems:
            raise RenderError(str(problems[0]), MessageReason.TEMPLATE_INVALID)
        with self._lock:
            if path not in self._ready:
                try:
                    compiled = self._sandbox.get_template(path)
                except TemplateError as error:
                    raise RenderError(f"{path}: {error.message}", MessageReason.TEMPLATE_INVALID) from None
                locale = label.locale if (label := TemplateName.of(path)) and label.locale else self._default_locale
                self._ready[path] = Template(
                    path,
                    locale,
                    fingerprint=self._fingerprint(path),
                    blocks=self._blocks[channel],
                    compiled=compiled,
                    frames=self._frames,
                    brand=self._brand,
                )
            return self._ready[path]
