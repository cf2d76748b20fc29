"""Reading ``rules/facts.toml`` into the catalogue of facts, with a finding for every mistake and no exceptions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from engine.conditions import ConditionErrors, Name, Scope, parse_expression
from engine.conditions.types import EveryName
from engine.content.bundle import Bundle
from engine.content.document import Document, parse_document, validate
from engine.content.findings import Finding, did_you_mean
from engine.content.locate import KeyPath
from engine.content.value_types import ValueType
from engine.facts.files import FactsFile, facts_of, keys_of, kinds_given
from engine.facts.model import Fact, FactCatalog
from engine.facts.order import cycles, in_order
from engine.facts.sources import FACT_SOURCES
from engine.facts.sources.base import FactSection, FactSourceKind
from engine.facts.sources.declaration import Declaration
from engine.facts.values import AMOUNT

__all__ = ["Fact", "FactCatalog", "load_catalog"]

PATH = "rules/facts.toml"


def load_catalog(
    bundle: Bundle, currency_scale: int, kinds: Sequence[FactSourceKind] = FACT_SOURCES
) -> tuple[FactCatalog, list[Finding]]:
    """Read the declared events and facts; return those without errors, and a finding for each mistake.

    Args:
        bundle: all files; only ``rules/facts.toml`` is read.
        currency_scale: minor units in one unit of the brand's currency.
        kinds: the kinds of fact sources that the file can use.
    """
    text = bundle.files.get(PATH)
    if text is None:
        missing = Finding(PATH, 0, "the file is missing: it declares the events and facts that rules use")
        return _unreadable(currency_scale), [missing]
    document = parse_document(PATH, text)
    if isinstance(document, Finding):
        return _unreadable(currency_scale), [document]
    return _Loader(document, currency_scale, kinds).load()


def _unreadable(currency_scale: int) -> FactCatalog:
    """Return the catalogue for an unreadable file, which may have declared any name."""
    return FactCatalog({}, {}, currency_scale, EveryName(), EveryName())


class _Loader:
    """Reads one file, fact by fact, so that a mistake in one fact does not hide those in others."""

    def __init__(self, document: Document, currency_scale: int, kinds: Sequence[FactSourceKind]) -> None:
        self._document = document
        self._scale = currency_scale
        self._kinds = kinds
        self._findings: list[Finding] = []
        self._facts: dict[str, Fact] = {}
        self._events: dict[str, dict[str, ValueType]] = {}
        self._broken_events: set[str] = set()
        self._stray = False
        """Whether the file has unknown tables, which may have been meant to declare any name."""

    def load(self) -> tuple[FactCatalog, list[Finding]]:
        """Return the catalogue and all findings."""
        self._read_events()
        sections = self._sections()
        mentions = {name: kind.mentions(section) for name, (kind, section) in sections.items()}
        for cycle in cycles(mentions):
            self._find(("facts", cycle[0]), f"facts depend on each other in a cycle: {' -> '.join((*cycle, cycle[0]))}")
        for name in in_order(mentions):
            self._add(name, *sections[name])
        if self._stray:
            return replace(self._catalog(), broken=EveryName(), broken_events=EveryName()), sorted(self._findings)
        return self._catalog(), sorted(self._findings)

    def _catalog(self) -> FactCatalog:
        """Return the facts read so far; all others count as broken."""
        declared = frozenset(self._document.data.get("facts", {}))
        broken = (declared | {name.lower() for name in declared}) - self._facts.keys()
        return FactCatalog(self._events, self._facts, self._scale, broken, frozenset(self._broken_events))

    def _read_events(self) -> None:
        """Check the tables of the file, and read each event separately."""
        data = self._document.data
        if not all(isinstance(data.get(table, {}), dict) for table in ("events", "facts")):
            self._findings += validate(FactsFile, self._document)[1]
            self._document = replace(self._document, data={})
            self._stray = True
            return
        self._stray = not self._validated({key: value for key, value in data.items() if key not in {"events", "facts"}})
        for name, value in data.get("events", {}).items():
            if file := self._validated({"events": {name: value}}):
                self._events |= file.events
                self._check_event(name)
            else:
                self._broken_events.add(name)

    def _validated(self, part: dict[str, object]) -> FactsFile | None:
        file, findings = validate(FactsFile, replace(self._document, data=part))
        self._findings += findings
        return file

    def _check_event(self, name: str) -> None:
        amount = self._events[name].get(AMOUNT)
        if amount not in {None, ValueType.MONEY, ValueType.INTEGER}:
            self._find(
                ("events", name, AMOUNT),
                f"`amount` must be money or an integer, not {amount}; choose another name for this property",
            )
            self._events[name][AMOUNT] = ValueType.MONEY

    def _sections(self) -> dict[str, tuple[FactSourceKind, FactSection]]:
        """Check the form of each fact separately; return the valid ones."""
        sections = {}
        for name, value in self._document.data.get("facts", {}).items():
            file = self._validated({"facts": {name: value}})
            kind = self._kind(name, file.facts[name]) if file else None
            section = self._section(name, kind, value) if kind else None
            if kind and section:
                sections[name] = (kind, section)
        return sections

    def _kind(self, name: str, fact: Mapping[str, Any]) -> FactSourceKind | None:
        given = kinds_given(fact, self._kinds)
        if len(given) == 1:
            return given[0]
        known = list(dict.fromkeys(key for kind in self._kinds for key in keys_of(kind)))
        unknown = [key for key in fact if key not in known] if not given else []
        for key in unknown:
            self._find(("facts", name, key), f"unknown key `{key}`{did_you_mean(key, known)}")
        if not unknown:
            names = ", ".join(kind.name for kind in self._kinds)
            found = ", ".join(f"`{kind.name}`" for kind in given) or "none"
            self._find(("facts", name), f"a fact needs exactly one source: {names}; found {found}")
        return None

    def _section(self, name: str, kind: FactSourceKind, fact: Mapping[str, Any]) -> FactSection | None:
        """Return a fact's section; report keys of another kind differently from unknown keys."""
        strange = {key: self._owners(key) for key in fact if key not in keys_of(kind) and self._owners(key)}
        for key, owners in strange.items():
            self._find(("facts", name, key), f"`{key}` only goes with {owners}, not with `{kind.name}`")
        own = {key: value for key, value in fact.items() if key not in strange}
        file, findings = validate(facts_of(kind), replace(self._document, data={"facts": {name: own}}))
        self._findings += findings
        if file is None or strange:
            return None
        return cast("FactSection", file.facts[name])  # type: ignore[attr-defined] # made for this kind

    def _owners(self, key: str) -> str:
        return ", ".join(f"`{kind.name}`" for kind in self._kinds if key in keys_of(kind))

    def _add(self, name: str, kind: FactSourceKind, section: FactSection) -> None:
        known = self._catalog()
        scope = Scope(known.names(), self._scale, "fact", known.broken)
        declaration = Declaration(name, self._document, self._events, frozenset(self._broken_events), scope)
        source = kind.read(section, declaration)
        self._findings += declaration.findings
        if source is None:
            return
        fact = Fact(name, kind, source, section.description)
        self._check_name(name)
        self._check_declared(fact, section)
        self._facts[name] = fact

    def _check_name(self, name: str) -> None:
        """Refuse names that conditions cannot parse, such as `case` or `null`."""
        try:
            readable = parse_expression(name, Scope({name: Name(ValueType.NUMBER, "x")})).names == {name}
        except ConditionErrors:
            readable = False
        if not readable:
            self._find(("facts", name), f"`{name}` is a keyword of the condition language: choose another name")

    def _check_declared(self, fact: Fact, section: FactSection) -> None:
        if section.type not in {None, fact.type}:
            self._find(
                ("facts", fact.name, "type"),
                f"`type`: this fact is of type {fact.type.value}, not {section.type}; remove `type`",
            )

    def _find(self, where: KeyPath, message: str) -> None:
        self._findings.append(self._document.finding(where, message))
