"""From ``rules/facts.toml`` to the catalogue of facts, with every mistake located; bad content never raises."""

from dataclasses import replace

from engine.conditions import Condition, ConditionErrors, Expression, Name, Scope, parse_condition, parse_expression
from engine.conditions.report import condition_findings
from engine.conditions.types import EveryName
from engine.content.bundle import Bundle
from engine.content.document import Document, parse_document, validate
from engine.content.findings import Finding, did_you_mean
from engine.content.kinds import FactType
from engine.content.locate import KeyPath
from engine.facts.derive import RANKED, Unfit, aggregate_type, attribute_type, property_type
from engine.facts.files import AGGREGATES, FactSection, FactsFile
from engine.facts.model import Fact, FactCatalog
from engine.facts.order import cycles, in_order
from engine.facts.values import AMOUNT

__all__ = ["Fact", "FactCatalog", "load_catalog"]

PATH = "rules/facts.toml"


def load_catalog(bundle: Bundle, currency_scale: int) -> tuple[FactCatalog, list[Finding]]:
    """Read the declared events and facts; return those without errors, and a finding for each mistake."""
    text = bundle.files.get(PATH)
    if text is None:
        missing = Finding(PATH, 0, "the file is missing: it declares the events and facts that rules are made of")
        return _unreadable(currency_scale), [missing]
    document = parse_document(PATH, text)
    if isinstance(document, Finding):
        return _unreadable(currency_scale), [document]
    return _Loader(document, currency_scale).load()


def _unreadable(currency_scale: int) -> FactCatalog:
    """Return the catalogue of a file that could say anything."""
    return FactCatalog({}, {}, currency_scale, EveryName(), EveryName())


class _Unknown(Exception):
    """A fact cannot be read because one that it needs has errors, which were reported there."""


class _Loader:
    """Reads one file, fact by fact, so that a mistake in one hides none in another."""

    def __init__(self, document: Document, currency_scale: int) -> None:
        self._document = document
        self._scale = currency_scale
        self._findings: list[Finding] = []
        self._facts: dict[str, Fact] = {}
        self._events: dict[str, dict[str, FactType]] = {}
        self._broken_events: set[str] = set()
        self._stray = False
        """There are tables that are none of the file's: what they declare is unknown."""

    def load(self) -> tuple[FactCatalog, list[Finding]]:
        """Return the catalogue and all findings."""
        sections = self._sections()
        for cycle in cycles(sections):
            self._find(("facts", cycle[0]), f"facts are made of each other: {' -> '.join((*cycle, cycle[0]))}")
        for name in in_order(sections):
            self._add(name, sections[name])
        if self._stray:
            return replace(self._catalog(), broken=EveryName(), broken_events=EveryName()), sorted(self._findings)
        return self._catalog(), sorted(self._findings)

    def _catalog(self) -> FactCatalog:
        """Return what was read up to now; facts that were not are broken."""
        declared = frozenset(self._document.data.get("facts", {}))
        broken = (declared | {name.lower() for name in declared}) - self._facts.keys()
        return FactCatalog(self._events, self._facts, self._scale, broken, frozenset(self._broken_events))

    def _sections(self) -> dict[str, FactSection]:
        """Check the form of each event and fact by itself; return the facts that have the right one."""
        data = self._document.data
        sections: dict[str, FactSection] = {}
        if not all(isinstance(data.get(table, {}), dict) for table in ("events", "facts")):
            self._findings += validate(FactsFile, self._document)[1]
            self._document = replace(self._document, data={})
            self._stray = True
            return {}
        self._stray = not self._validated({key: value for key, value in data.items() if key not in {"events", "facts"}})
        for name, value in data.get("events", {}).items():
            if file := self._validated({"events": {name: value}}):
                self._events |= file.events
                self._check_event(name)
            else:
                self._broken_events.add(name)
        for name, value in data.get("facts", {}).items():
            if file := self._validated({"facts": {name: value}}):
                sections |= file.facts
        return sections

    def _validated(self, part: dict[str, object]) -> FactsFile | None:
        file, findings = validate(FactsFile, replace(self._document, data=part))
        self._findings += findings
        return file

    def _check_event(self, name: str) -> None:
        amount = self._events[name].get(AMOUNT)
        if amount not in {None, FactType.MONEY, FactType.INTEGER}:
            self._find(
                ("events", name, AMOUNT),
                f"`amount` is money or an integer, not {amount}; choose another name for this property",
            )
            self._events[name][AMOUNT] = FactType.MONEY

    def _add(self, name: str, section: FactSection) -> None:
        try:
            fact = self._fact(name, section)
        except Unfit as error:
            self._find(("facts", name, section.source), str(error))
        except _Unknown:
            return
        else:
            self._check_name(name)
            self._check_declared(fact)
            self._facts[name] = fact

    def _fact(self, name: str, section: FactSection) -> Fact:
        source = section.source
        if source in AGGREGATES:
            return self._aggregate(name, section)
        if section.attribute is not None and section.type is not None:
            return Fact(name, attribute_type(section.attribute, section.type), section)
        if section.quantile is not None:
            return self._quantile(name, section, section.quantile)
        expression = self._expression(name, str(section.expr))
        return Fact(name, expression.type, section, expression=expression)

    def _aggregate(self, name: str, section: FactSection) -> Fact:
        source = section.source
        target = str(getattr(section, source))
        if target.partition(".")[0] in self._broken_events:
            raise _Unknown
        event, key, kind = property_type(source, target, self._events)
        fact = Fact(name, aggregate_type(source, kind), section, event, key)
        if section.within == 0:
            self._find(
                ("facts", name, "within"), "`within` is an empty window: write how far back it goes, as in `90d`"
            )
        return replace(fact, where=self._where(name, event, section.where)) if section.where is not None else fact

    def _where(self, name: str, event: str, text: str) -> Condition | None:
        known = FactCatalog(self._events, {}, self._scale).event_scope(event)
        try:
            condition = parse_condition(text, known)
        except ConditionErrors as errors:
            self._findings += condition_findings(self._document, ("facts", name, "where"), errors)
            return None
        if condition.turning_points():
            self._find(
                ("facts", name, "where"),
                "`where` must not depend on the present: use `within`, or compare with a fixed instant",
            )
        return condition

    def _expression(self, name: str, text: str) -> Expression:
        known = self._catalog()
        try:
            return parse_expression(text, Scope(known.names(), self._scale, "fact", known.broken))
        except ConditionErrors as errors:
            self._findings += condition_findings(self._document, ("facts", name, "expr"), errors)
            raise _Unknown from errors

    def _quantile(self, name: str, section: FactSection, of: str) -> Fact:
        declared = self._document.data["facts"]
        if of not in declared:
            raise Unfit(f"`quantile`: unknown fact `{of}`{did_you_mean(of, set(declared) - {name})}")
        if of not in self._facts:
            raise _Unknown
        if (kind := self._facts[of].type) not in RANKED:
            raise Unfit(f"`quantile` ranks numbers, money and instants; `{of}` is {kind.value}")
        return Fact(name, FactType.INTEGER, section)

    def _check_name(self, name: str) -> None:
        """Refuse a name that conditions could not read, such as `case` or `null`."""
        try:
            readable = parse_expression(name, Scope({name: Name(FactType.NUMBER, "x")})).names == {name}
        except ConditionErrors:
            readable = False
        if not readable:
            self._find(("facts", name), f"`{name}` is a word of the condition language: choose another name")

    def _check_declared(self, fact: Fact) -> None:
        declared = fact.section.type
        if declared not in {None, fact.type}:
            self._find(
                ("facts", fact.name, "type"),
                f"`type`: this fact is {fact.type.value}, not {declared}; leave `type` out",
            )

    def _find(self, where: KeyPath, message: str) -> None:
        self._findings.append(self._document.finding(where, message))
